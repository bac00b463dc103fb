"""One HTTP operation of an OpenAPI document, and the request its arguments make.

Parameters are written as the document's `style` and `explode` say (OpenAPI 3.0 and 3.1), see
`http_part.py`. Nothing here sends anything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from bb_core.errors import ToolError
from bb_core.http_part import Pairs, Part, escaped, in_path, line, pairs, pieces, word
from bb_core.said_types import on_the_wire

BodyKind = Literal["", "json", "form", "multipart", "text"]
Pieces = tuple[tuple[str, str, str], ...]
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One operation. `security`: alternatives, each the schemes that are needed together."""

    method: str
    path: str
    server: str
    parts: tuple[Part, ...] = ()
    body: BodyKind = ""
    media: str = ""
    key_header: str = ""
    security: tuple[frozenset[str], ...] = ()
    text_answer: bool = False


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request without its server and credentials.

    Names and values of `query` and `cookies` are percent-encoded. `pieces`: name, text and media
    type of each piece of a multipart body.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    pieces: Pieces = ()


def request(call: HttpCall, args: Mapping[str, Any], key: str = "") -> HttpRequest:
    """The request for these arguments under an idempotency key, if the operation takes one.

    Raises ToolError where no request can say them: an item that holds its list's separator, or a
    required argument of which nothing would be sent.
    """
    path, query = call.path, Pairs()
    lines: dict[str, Pairs] = {"header": [], "cookie": []}
    for part in call.parts:
        if part.arg not in args or part.place in ("field", "body"):
            continue
        value = on_the_wire(part.schema, args[part.arg])
        if part.place == "path":
            path = path.replace(f"{{{part.wire}}}", in_path(part, value))
        elif part.place == "query":
            query += _sent(part, pairs(part, value, escaped))
        else:
            text = line(part, value)
            lines[part.place] += _sent(part, [] if text is None else [(part.wire, text)])
    headers = dict(lines["header"])
    cookies = {name: escaped(text) for name, text in lines["cookie"]}
    if call.key_header and key:
        headers[call.key_header] = key
    content, parts = _body(call, args)
    if content is not None:
        headers["Content-Type"] = call.media
    return HttpRequest(call.method, path, tuple(query), headers, cookies, content, parts)


def _sent(part: Part, rows: Sequence[_Row]) -> Sequence[_Row]:
    """The rows; raises ToolError where a required argument has none: it would not be sent."""
    if part.needed and not rows:
        found = f"{part.arg} is required, and nothing of it would be sent: it is empty"
        raise ToolError("invalid", found, fix="give at least one item")
    return rows


def _body(call: HttpCall, args: Mapping[str, Any]) -> tuple[bytes | None, Pieces]:
    given = [p for p in call.parts if p.place in ("field", "body") and p.arg in args]
    whole = next((p for p in given if p.place == "body"), None)
    if not call.body or (not given and call.body != "json"):
        return None, ()
    if call.body in ("form", "multipart"):
        return (
            _form(call.body, whole.inner, args[whole.arg])
            if whole
            else _form(call.body, given, args)
        )
    values = {p.wire: on_the_wire(p.schema, args[p.arg]) for p in given}
    if call.body == "text":
        return word(next(iter(values.values()))).encode(), ()
    # Fields are an object even when none is given: the operation takes a body.
    if not given and not any(p.place == "field" for p in call.parts):
        return None, ()
    return json.dumps(values[whole.wire] if whole else values).encode(), ()


def _form(
    kind: BodyKind, fields: Sequence[Part], args: Mapping[str, Any]
) -> tuple[bytes | None, Pieces]:
    given = [(p, on_the_wire(p.schema, args[p.arg])) for p in fields if p.arg in args]
    if kind == "multipart":
        return None, tuple(row for p, value in given for row in _sent(p, pieces(p, value)))
    rows = [row for p, value in given for row in _sent(p, _encoded(p, value))]
    return ("&".join(f"{name}={text}" for name, text in rows).encode() if rows else None), ()


def _encoded(part: Part, value: Any) -> Pairs:
    if part.style:
        return pairs(part, value, escaped)
    return [(escaped(name), escaped(text)) for name, text, _ in pieces(part, value)]
