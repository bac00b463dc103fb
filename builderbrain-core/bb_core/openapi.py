"""An OpenAPI 3.0 or 3.1 document as tools. Pure: the document is read, nothing is fetched or sent.

One operation that a plan cannot say, or that is described wrongly, is refused alone with its
reason; the rest is imported. Not covered: webhooks, callbacks and links, which no plan can take
part in.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from bb_core.effects import Effect
from bb_core.errors import DomainError
from bb_core.http_call import HttpCall
from bb_core.http_security import needed, places, schemes
from bb_core.imported import (
    BROKEN,
    Bounds,
    Catalogue,
    Claim,
    Imported,
    Refused,
    Schema,
    content_digest,
    sentence,
    why_broken,
)
from bb_core.json_refs import Node, Unsayable, followed, pointed
from bb_core.openapi_answer import NOTHING, answer
from bb_core.openapi_body import Arguments, parameters, take_body, take_parameter
from bb_core.said_leaves import Margin
from bb_core.said_types import SaidTypes
from bb_core.tool_names import plan_name, unused

METHODS = ("get", "head", "options", "put", "post", "patch", "delete", "trace")
_SAFE = {"get", "head", "options"}
_VERSION = re.compile(r"3\.[01](\.|\Z)")


@dataclass(frozen=True, slots=True)
class _Place:
    """One operation where it stands: under a method, in a path's item."""

    path: str
    item: Node
    method: str
    node: Node

    @property
    def origin(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def own_name(self) -> str:
        given = self.node.get("operationId")
        return given if isinstance(given, str) else ""


def read_openapi(document: Any, bounds: Bounds | None = None) -> Catalogue:
    """The operations as tools under `bounds`; raises DomainError if this is no OpenAPI 3."""
    if not isinstance(document, Mapping) or not isinstance(document.get("paths"), Mapping):
        fix = "give an OpenAPI 3.0 or 3.1 file"
        raise DomainError("is no OpenAPI document with paths", fix=fix)
    _require_version(document)
    tools, refused, seen = dict[str, Imported](), list[Refused](), dict[str, str]()
    for place in _operations(document):
        wanted = plan_name(place.own_name or f"{place.method} {place.path}")
        name = unused(wanted, seen)
        seen[name] = place.origin
        twice = f"operationId {place.own_name!r} is also that of {seen[wanted]}"
        try:
            if isinstance(place.node.get("x-unread"), Unsayable):
                raise place.node["x-unread"]
            tool = _tool(document, place, name, (bounds or {}).get(name, {}))
        except BROKEN as error:
            refused.append(Refused(name, place.origin, why_broken(error)))
            continue
        more = (twice,) if name != wanted and place.own_name else ()
        tools[name] = replace(tool, notes=(*tool.notes, *more))
    info = document.get("info")
    title = sentence(info.get("title") if isinstance(info, Mapping) else "", "imported")
    return Catalogue(title, tools, tuple(refused))


def _require_version(document: Mapping[str, Any]) -> None:
    if "swagger" in document:
        fix = "convert it first: npx swagger2openapi FILE -o openapi.yaml"
        raise DomainError(f"is Swagger {document['swagger']}, not OpenAPI 3.0 or 3.1", fix=fix)
    version = str(document.get("openapi", "of no version"))
    if not _VERSION.match(version):
        raise DomainError(f"is OpenAPI {version}", fix="give OpenAPI 3.0 or 3.1")


def server(document: Mapping[str, Any]) -> str:
    """Where the document says the operations are, relative to the document; `/` if nowhere."""
    return _server(document, "/")


def _operations(document: Mapping[str, Any]) -> Iterator[_Place]:
    for path, node in document["paths"].items():
        if not path.startswith("/"):
            continue  # an extension
        try:
            item = followed(document, node, item=True)
        except Unsayable as error:
            yield _Place(path, {}, "any", {"x-unread": error})
            continue
        for method in METHODS:
            if method in item:
                found = item[method]
                unread = Unsayable("is described wrongly (no object)")
                told = found if isinstance(found, Mapping) else {"x-unread": unread}
                yield _Place(path, item, method, told)


def _tool(document: Any, place: _Place, name: str, bounds: Mapping[str, Schema]) -> Imported:
    item, method, operation = place.item, place.method, place.node
    if method == "trace":
        raise Unsayable("echoes the request and its credentials")
    margin = Margin(bounds)
    known = schemes(document)
    security = needed(operation, document, known)
    out = Arguments(SaidTypes(document, margin), places(security, known))
    for node in parameters(document, item.get("parameters"), operation.get("parameters")):
        take_parameter(node, out)
    _whole_path(place.path, out)
    take_body(document, operation.get("requestBody"), out)
    described = {} if method == "head" else operation.get("responses") or {}
    returns, text = answer(document, described, margin)
    call = HttpCall(
        method=method.upper(),
        path=place.path,
        server=_own_server(document, item, operation),
        parts=tuple(out.parts),
        body=out.body,
        media=out.media,
        key_header=out.key_header,
        security=security,
        text_answer=text,
    )
    extensions = {k: v for node in (item, operation) for k, v in node.items() if k[:2] == "x-"}
    if operation.get("deprecated") is True:
        margin.note("", "the document calls it deprecated")
    return Imported(
        name=name,
        origin=place.origin,
        does=_does(operation, place.origin),
        args={part.arg: part.schema for part in out.parts},
        optional=frozenset(out.optional),
        returns=NOTHING if method == "head" else returns,
        claim=claim(method, extensions),
        digest=_digest(document, place),
        call=call,
        takes_key=bool(out.key_header),
        bounds=margin.proposed,
        notes=tuple(dict.fromkeys(note.removeprefix(": ") for note in margin.notes)),
        extensions=extensions,
    )


def _does(operation: Node, origin: str) -> str:
    """The first paragraph of the description; a summary is often the operation's name in words."""
    description = operation.get("description")
    first = description.split("\n\n")[0] if isinstance(description, str) else ""
    return sentence(first, operation.get("summary"), origin)


def _whole_path(path: str, out: Arguments) -> None:
    """Every `{name}` of the path is a parameter."""
    known = {part.wire for part in out.parts if part.place == "path"}
    missing = set(re.findall(r"\{([^{}]*)\}", path)) - known
    if missing:
        raise Unsayable(f"has {{{min(missing)}}} in its path, which is not described")


def claim(method: str, extensions: Schema) -> Claim:
    """The method only proposes an effect; `x-bb-effect` also binds it from below."""
    word = extensions.get("x-bb-effect")
    if word is not None:
        try:
            effect = Effect.parse(str(word))
        except KeyError:
            return Claim(Effect.IRREVERSIBLE, Effect.IRREVERSIBLE, f"x-bb-effect: {word}, unknown")
        return Claim(effect, effect, f"x-bb-effect: {effect.name.lower()}")
    guess = Effect.READ if method in _SAFE else Effect.WRITE if method == "put" else None
    return Claim(guess or Effect.IRREVERSIBLE, Effect.PURE, method.upper())


def _server(node: Mapping[str, Any], default: str) -> str:
    """The first server's URL with its variables' defaults."""
    found = node.get("servers")
    if not isinstance(found, list) or not found or not isinstance(found[0], Mapping):
        return default
    url = str(found[0].get("url", default)) or default
    for name, variable in (found[0].get("variables") or {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    return url


def _own_server(document: Mapping[str, Any], item: Node, operation: Node) -> str:
    """The path of the operation's own server, empty without one; raises for another host.

    A path alone: whoever calls joins it to the server that is configured, with its credentials.
    """
    whole = server(document)
    own = _server(operation, _server(item, whole))
    if own == whole:
        return ""
    there, here = urlsplit(urljoin(whole, own)), urlsplit(whole)
    if (there.scheme, there.netloc) != (here.scheme, here.netloc):
        raise Unsayable(f"is served elsewhere, at {own}")
    return there.path or "/"


def _digest(document: Any, place: _Place) -> str:
    """A digest of all the document says of one operation, its references followed."""
    shared = {key: value for key, value in place.item.items() if key not in METHODS}
    outside = [document.get("servers"), document.get("security")]
    security = document.get("components", {}).get("securitySchemes")
    reached: dict[str, Any] = {}
    _reach(document, [shared, place.node, security], reached)
    own = [place.method, place.path, shared, place.node]
    return content_digest([*own, outside, security, reached])


def _reach(document: Any, node: Any, reached: dict[str, Any]) -> None:
    """Collect what the references in a node lead to, and those in there."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Mapping):
            ref = here.get("$ref")
            if isinstance(ref, str) and ref not in reached:
                try:
                    reached[ref] = pointed(document, ref)
                except Unsayable:
                    reached[ref] = None
                waiting.append(reached[ref])
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here
