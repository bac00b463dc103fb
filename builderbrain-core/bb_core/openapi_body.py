"""Parameters and body of one OpenAPI operation as the arguments of a tool."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bb_core.http_call import BodyKind, Part, Place
from bb_core.json_refs import Node, Unsayable, followed
from bb_core.said_types import LONGEST_KEY, SaidTypes, told
from bb_core.tool_names import plan_name, unused

IDEMPOTENCY = re.compile(r"(x-)?idempotency[-_]?key\Z", re.IGNORECASE)
OURS = ("accept", "content-type", "authorization")
"""Headers a document may name and a caller does not set (OpenAPI, Parameter Object)."""
_KINDS: tuple[tuple[BodyKind, re.Pattern[str]], ...] = (
    ("json", re.compile(r"application/(json|[^;]*\+json)|\*/\*")),
    ("form", re.compile(r"application/x-www-form-urlencoded")),
    ("multipart", re.compile(r"multipart/form-data")),
    ("text", re.compile(r"text/plain")),
)
_PLACES: dict[str, Place] = {
    "path": "path",
    "query": "query",
    "header": "header",
    "cookie": "cookie",
}


@dataclass
class Arguments:
    """The arguments found so far, and where each goes."""

    types: SaidTypes
    parts: list[Part] = field(default_factory=list)
    optional: set[str] = field(default_factory=set)
    key_header: str = ""
    body: BodyKind = ""
    media: str = ""

    def spell(self, wire: str) -> str:
        """A free argument name for one of the system's."""
        taken = {part.arg for part in self.parts}
        return unused(plan_name(wire, LONGEST_KEY), taken, LONGEST_KEY)

    def add(self, part: Part, needed: bool) -> None:
        """One more argument."""
        self.parts.append(part)
        if not needed:
            self.optional.add(part.arg)


def parameters(document: Any, shared: Any, own: Any) -> Iterator[Node]:
    """The operation's parameters: the path's, replaced or joined by its own."""
    found: dict[tuple[str, str], Node] = {}
    for node in (*(shared or ()), *(own or ())):
        one = followed(document, node)
        found[str(one.get("name")), str(one.get("in"))] = one
    yield from found.values()


def take_parameter(node: Node, out: Arguments) -> None:
    """One parameter as an argument; raises Unsayable when it is needed and cannot be said."""
    wire, place = str(node.get("name", "")), str(node.get("in", ""))
    if place == "header" and wire.lower() in OURS:
        return
    if place == "header" and IDEMPOTENCY.match(wire):
        out.key_header = wire
        return
    needed = node.get("required") is True or place == "path"
    arg = out.spell(wire)
    try:
        if place not in _PLACES:
            raise Unsayable(f"stands in {place!r}")
        schema, content = _described(node)
        own, _ = out.types.written_out(schema, ())
        said = told(
            out.types.said(schema, f"/{arg}"), node.get("description"), own.get("description")
        )
        style = str(node.get("style", ""))
        if _nested(said) and not content and style != "deepObject":
            raise Unsayable("is nested, which only JSON could write")
    except Unsayable as error:
        if needed or out.types.spent:
            raise Unsayable(f"{place} parameter {wire!r} {error.found}") from error
        out.types.margin.note("", f"{place} parameter {wire!r} is left out: it {error.found}")
        return
    explode = node.get("explode")
    spread = explode if isinstance(explode, bool) else None
    out.add(Part(arg, wire, _PLACES[place], said, style, spread, content), needed)


def _described(node: Node) -> tuple[Any, bool]:
    if "schema" in node:
        return node["schema"], False
    for media, body in (node.get("content") or {}).items():
        if "json" in media:
            return body.get("schema", {}), True
    raise Unsayable("is not described")


def _nested(said: Mapping[str, Any]) -> bool:
    """Whether a value may hold lists or objects inside a list or an object."""
    inner = [said["items"]] if "items" in said else list(said.get("properties", {}).values())
    options = said.get("anyOf", ())
    return any("items" in one or "properties" in one for one in inner) or any(map(_nested, options))


def take_body(document: Any, node: Any, out: Arguments) -> None:
    """The body as arguments, one a field where it is a plain object; raises Unsayable."""
    if node is None:
        return
    body = followed(document, node)
    needed = body.get("required") is True
    try:
        out.body, out.media, schema = _chosen(body.get("content") or {})
        _spread(schema, needed, out)
    except Unsayable as error:
        if needed or out.types.spent:
            raise Unsayable(f"its body {error.found}") from error
        out.types.margin.note("", f"the body is left out: it {error.found}")
        out.body = ""


def _chosen(content: Mapping[str, Any]) -> tuple[BodyKind, str, Any]:
    for kind, pattern in _KINDS:
        for media, described in content.items():
            if pattern.match(media):
                sent = "application/json" if media == "*/*" else media
                return kind, sent, described.get("schema", {})
    kinds = ", ".join(content) or "nothing"
    raise Unsayable(f"is {kinds}, which a plan cannot say")


def _spread(schema: Any, needed: bool, out: Arguments) -> None:
    types = out.types
    whole, above = types.written_out(schema, ())
    whole = types.asked(whole)
    plain = whole.get("type", "object") == "object" and not whole.keys() & {"oneOf", "anyOf"}
    if not whole.get("properties") or not plain or (whole.get("required") and not needed):
        arg = out.spell("body")
        said = told(types.said(schema, f"/{arg}"), whole.get("description"))
        if out.body in ("form", "multipart") and said.get("type") != "object":
            raise Unsayable("is a form without named fields")
        out.add(Part(arg, "body", "body", said), needed)
        return
    required = set(whole.get("required", ()))
    lost = required - whole["properties"].keys()
    if lost:
        raise Unsayable(f"requires {min(lost)!r}, which is not described")
    for arg, wire, said in types.members(whole, "", -1, above, out.spell):
        out.add(Part(arg, wire, "field", said), wire in required)
