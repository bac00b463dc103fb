"""Parameters and body of one OpenAPI operation as the arguments of a tool."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bb_core.form_encoding import STYLES, encoded, filled, nested
from bb_core.http_call import BodyKind
from bb_core.http_part import Part, Place, is_json
from bb_core.http_security import folded
from bb_core.json_refs import Node, Unsayable, followed
from bb_core.said_types import LONGEST_KEY, WIRE, SaidTypes, told
from bb_core.tool_names import plan_name, unused

IDEMPOTENCY = re.compile(r"(x-)?idempotency[-_]?key\Z", re.IGNORECASE)
OURS = ("accept", "content-type", "authorization")
"""Headers a document may name and a caller does not set (OpenAPI, Parameter Object)."""
_WIRES_OWN = re.compile(
    "host|cookie2?|set-cookie|content-(length|encoding)|transfer-encoding|te|trailer|connection"
    "|keep-alive|upgrade|expect|proxy-(authorization|connection)|http2-settings"
    "|x-http-method(-override)?|x-method-override|x-(original|rewrite)-url"
)
"""Headers that say where a request goes, where it ends, whose it is, or which operation it is."""
_MEDIA = r"{}\s*(;|\Z)"
_KINDS: tuple[tuple[BodyKind, Callable[[str], Any]], ...] = (
    ("json", lambda media: is_json(media) or media == "*/*"),
    ("form", re.compile(_MEDIA.format("application/x-www-form-urlencoded"), re.I).match),
    ("multipart", re.compile(_MEDIA.format("multipart/form-data"), re.I).match),
    ("text", re.compile(_MEDIA.format("text/plain"), re.I).match),
)
_PLACES: dict[str, Place] = {
    "path": "path",
    "query": "query",
    "header": "header",
    "cookie": "cookie",
}
_STYLES: Mapping[str, tuple[str, ...]] = {
    "path": ("simple", "label", "matrix"),
    "query": STYLES,
    "header": ("simple",),
    "cookie": ("form",),
}


@dataclass
class Arguments:
    """The arguments found so far, and where each goes."""

    types: SaidTypes
    signed: frozenset[tuple[str, str]] = frozenset()
    """Places and names of the credentials."""
    parts: list[Part] = field(default_factory=list)
    optional: set[str] = field(default_factory=set)
    key_header: str = ""
    body: BodyKind = ""
    media: str = ""

    def spell(self, wire: str) -> str:
        """A free argument name for one of the system's."""
        taken = {part.arg for part in self.parts}
        return unused(plan_name(wire, LONGEST_KEY), taken, LONGEST_KEY)

    def add(self, part: Part) -> None:
        """One more argument."""
        self.parts.append(part)
        if not part.needed:
            self.optional.add(part.arg)


def parameters(document: Any, shared: Any, own: Any) -> Iterator[Node]:
    """The operation's parameters: the path's, replaced or joined by its own."""
    found: dict[tuple[str, str], Node] = {}
    for node in (*(shared or ()), *(own or ())):
        one = followed(document, node)
        place = str(one.get("in"))
        name = str(one.get("name"))
        found[name.lower() if place == "header" else name, place] = one
    yield from found.values()


def take_parameter(node: Node, out: Arguments) -> None:
    """One parameter as an argument; raises Unsayable when it is needed and cannot be said."""
    wire, place = str(node.get("name", "")), str(node.get("in", ""))
    if place == "header" and wire.lower() in OURS:
        return
    if place == "header" and IDEMPOTENCY.match(wire):
        out.key_header = wire
        return
    name = folded(place, wire)
    if (place == "header" and _WIRES_OWN.fullmatch(name)) or (place, name) in out.signed:
        out.types.margin.note("", f"{place} parameter {wire!r} is left out: no plan sets it")
        return
    needed = node.get("required") is True or place == "path"
    arg = out.spell(wire)
    try:
        part = _parameter(node, arg, needed, out)
    except Unsayable as error:
        if needed or out.types.spent:
            raise Unsayable(f"{place} parameter {wire!r} {error.found}") from error
        out.types.margin.note("", f"{place} parameter {wire!r} is left out: it {error.found}")
        return
    out.add(part)


def _parameter(node: Node, arg: str, needed: bool, out: Arguments) -> Part:
    wire, place, style = str(node.get("name", "")), str(node.get("in", "")), node.get("style")
    if place not in _PLACES:
        raise Unsayable(f"stands in {place!r}")
    if style is not None and style not in _STYLES[place]:
        raise Unsayable(f"has the style {style!r}, which no {place} has")
    schema, content = _described(node)
    own, _ = out.types.written_out(schema, ())
    said = told(out.types.said(schema, f"/{arg}"), node.get("description"), own.get("description"))
    if nested(said) and not content and style != "deepObject":
        raise Unsayable("is nested, which only JSON could write")
    explode = node.get("explode")
    spread = explode if isinstance(explode, bool) else None
    said = filled(said) if needed and not content else said
    return Part(arg, wire, _PLACES[place], said, style or "", spread, content, needed)


def _described(node: Node) -> tuple[Any, bool]:
    if "schema" in node:
        return node["schema"], False
    for media, body in (node.get("content") or {}).items():
        if is_json(media):
            return body.get("schema", {}), True
    raise Unsayable("is not described")


def take_body(document: Any, node: Any, out: Arguments) -> None:
    """The body as arguments, one a field where it is a plain object; raises Unsayable."""
    if node is None:
        return
    body = followed(document, node)
    needed = body.get("required") is True
    try:
        out.body, out.media, described = _chosen(body.get("content") or {})
        _spread(document, described, needed, out)
    except Unsayable as error:
        if needed or out.types.spent:
            raise Unsayable(f"its body {error.found}") from error
        out.types.margin.note("", f"the body is left out: it {error.found}")
        out.body = ""


def _chosen(content: Mapping[str, Any]) -> tuple[BodyKind, str, Mapping[str, Any]]:
    for kind, fits in _KINDS:
        for media, described in content.items():
            if fits(media):
                return kind, "application/json" if media == "*/*" else media, described
    kinds = ", ".join(content) or "nothing"
    raise Unsayable(f"is {kinds}, which a plan cannot say")


def _spread(document: Any, described: Mapping[str, Any], needed: bool, out: Arguments) -> None:
    types, form = out.types, _Form(document, described.get("encoding"), out)
    whole, above = types.written_out(described.get("schema", {}), ())
    whole = types.asked(whole)
    plain = whole.get("type", "object") == "object" and not whole.keys() & {"oneOf", "anyOf"}
    if not whole.get("properties") or not plain or (whole.get("required") and not needed):
        arg = out.spell("body")
        said = told(types.said(described.get("schema", {}), f"/{arg}"), whole.get("description"))
        out.add(form.whole(Part(arg, "body", "body", said, needed=needed)))
        return
    required = set(whole.get("required", ()))
    lost = required - whole["properties"].keys()
    if lost:
        raise Unsayable(f"requires {min(lost)!r}, which is not described")
    for arg, wire, said in types.members(whole, "", -1, above, out.spell):
        for part in form.fields(Part(arg, wire, "field", said, needed=wire in required)):
            out.add(part)


@dataclass(frozen=True)
class _Form:
    """What stands in the body beside its schema: how each field of a form is written."""

    document: Any
    encoding: Any
    out: Arguments

    @property
    def is_one(self) -> bool:
        return self.out.body in ("form", "multipart")

    def fields(self, part: Part) -> list[Part]:
        """The field, or none of an optional one that no form of ours can hold."""
        if not self.is_one:
            return [part]
        node = self.encoding.get(part.wire) if isinstance(self.encoding, Mapping) else None
        try:
            made = encoded(self.document, part, node, self.out.body)
            return [replace(made, schema=filled(made.schema)) if part.needed else made]
        except Unsayable as error:
            if part.needed:
                raise Unsayable(f"{part.wire!r} {error.found}") from error
            self.out.types.margin.note("", f"{part.wire!r} is left out: it {error.found}")
            return []

    def whole(self, part: Part) -> Part:
        """The body as one argument, with a form's fields in it."""
        if not self.is_one:
            return part
        said = part.schema
        if said.get("type") != "object":
            raise Unsayable("is a form without named fields")
        inner = [
            field
            for name, one in said["properties"].items()
            for field in self.fields(
                Part(
                    name, one.get(WIRE, name), "field", one, needed=name in said.get("required", ())
                )
            )
        ]
        kept = {field.arg: field.schema for field in inner}
        return replace(part, schema={**said, "properties": kept}, inner=tuple(inner))
