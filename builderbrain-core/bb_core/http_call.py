"""One HTTP operation of an OpenAPI document, and the request its arguments make.

Parameters are written as the document's `style` and `explode` say (OpenAPI 3.0 and 3.1). Nothing
here sends anything. Not covered: `allowReserved`; such values are percent-encoded.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_core.said_types import on_the_wire

Place = Literal["path", "query", "header", "cookie", "field", "body"]
BodyKind = Literal["", "json", "form", "multipart", "text"]
_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_JOINS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True, slots=True)
class Part:
    """Where one argument goes. `content`: it is written as JSON, whatever its style."""

    arg: str
    wire: str
    place: Place
    schema: Mapping[str, Any] = field(default_factory=dict)
    style: str = ""
    explode: bool | None = None
    content: bool = False

    @property
    def how(self) -> tuple[str, bool]:
        """The style and whether lists and objects are spread, defaults filled in."""
        style = self.style or _STYLES.get(self.place, "form")
        return style, (style == "form") if self.explode is None else self.explode


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
    """A request without its server and credentials. `fields` is the body of forms."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    fields: tuple[tuple[str, str], ...] = ()


def request(call: HttpCall, args: Mapping[str, Any], key: str = "") -> HttpRequest:
    """The request for these arguments under an idempotency key, if the operation takes one."""
    path, query = call.path, list[tuple[str, str]]()
    headers, cookies = dict[str, str](), dict[str, str]()
    for part in call.parts:
        if part.arg not in args or part.place in ("field", "body"):
            continue
        value = on_the_wire(part.schema, args[part.arg])
        if part.place == "path":
            path = path.replace(f"{{{part.wire}}}", _in_path(part, value))
        elif part.place == "query":
            query += _in_query(part, value)
        elif part.place == "header":
            headers[part.wire] = _line(part, value)
        else:
            cookies[part.wire] = quote(_line(part, value), safe="")
    if call.key_header and key:
        headers[call.key_header] = key
    content, fields = _body(call, args)
    if content is not None:
        headers["Content-Type"] = call.media
    return HttpRequest(call.method, path, tuple(query), headers, cookies, content, fields)


def _body(call: HttpCall, args: Mapping[str, Any]) -> tuple[bytes | None, tuple[Any, ...]]:
    given = [p for p in call.parts if p.place in ("field", "body") and p.arg in args]
    whole = next((p for p in given if p.place == "body"), None)
    if not call.body or (not given and call.body != "json"):
        return None, ()
    values = {p.wire: on_the_wire(p.schema, args[p.arg]) for p in given}
    if call.body == "json":
        # Fields are an object even when none is given: the operation takes a body.
        if not given and not any(p.place == "field" for p in call.parts):
            return None, ()
        return json.dumps(values[whole.wire] if whole else values).encode(), ()
    if call.body == "text":
        return _word(next(iter(values.values()))).encode(), ()
    flat = values[whole.wire] if whole else values
    return None, tuple((n, w) for n, value in flat.items() for w in _words(value))


def _words(value: Json) -> list[str]:
    return [_word(item) for item in value] if isinstance(value, list) else [_word(value)]


def _word(value: Json) -> str:
    """A scalar as text; anything larger as compact JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def _line(part: Part, value: Json) -> str:
    """A value in one piece, as headers and cookies carry it; no line breaks."""
    text = _joined(value, ",", part.how[1] and part.place == "header")
    text = _word(value) if part.content else text
    return "".join(c if c >= " " and c != "\x7f" else " " for c in text)


def _joined(value: Json, sep: str, pairs: bool) -> str:
    if isinstance(value, list):
        return sep.join(map(_word, value))
    if isinstance(value, dict):
        between = "=" if pairs else sep
        return sep.join(f"{name}{between}{_word(item)}" for name, item in value.items())
    return _word(value)


def _in_path(part: Part, value: Json) -> str:
    """The value as a path segment; raises ToolError for one that would lead elsewhere."""
    style, explode = part.how
    if part.content:
        return quote(_word(value), safe="")
    sep = {"simple": ",", "label": ".", "matrix": ";"}[style] if explode else ","
    lead = {"simple": "", "label": ".", "matrix": f";{quote(part.wire, safe='')}="}[style]
    if isinstance(value, list):
        again = sep + (lead[1:] if style == "matrix" and explode else "")
        text = again.join(quote(_word(item), safe="") for item in value)
    elif isinstance(value, dict):
        between = "=" if explode else ","
        pairs = (
            f"{quote(n, safe='')}{between}{quote(_word(v), safe='')}" for n, v in value.items()
        )
        text, lead = sep.join(pairs), ";" if style == "matrix" and explode else lead
    else:
        text = quote(_word(value), safe="")
    whole = lead + text
    if whole in ("", ".", ".."):  # would name another path
        found = f"{part.arg} is {whole!r}, which names no resource"
        raise ToolError("invalid", found, fix="give the thing's own id")
    return whole


def _in_query(part: Part, value: Json) -> list[tuple[str, str]]:
    style, explode = part.how
    if part.content or not isinstance(value, list | dict):
        return [(part.wire, _word(value))]
    if style == "deepObject" and isinstance(value, dict):
        return [(f"{part.wire}[{n}]", w) for n, item in value.items() for w in _words(item)]
    if explode and isinstance(value, dict):
        return [(name, word) for name, item in value.items() for word in _words(item)]
    if explode:
        return [(part.wire, word) for word in _words(value)]
    return [(part.wire, _joined(value, _JOINS.get(style, ","), False))]
