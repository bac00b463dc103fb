"""How the fields of a form are written, as the `encoding` of its media type says."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bb_core.http_part import Part, is_json
from bb_core.json_refs import Unsayable, followed

STYLES = ("form", "spaceDelimited", "pipeDelimited", "deepObject")
_PLAIN = ("text/plain", "text/*", "*/*")


def encoded(document: Any, part: Part, node: Any, kind: str) -> Part:
    """The field as it is to be written; raises Unsayable for what no form of ours can hold.

    A style rules out the content type (OpenAPI, Encoding Object).
    """
    if not isinstance(node, Mapping):
        return part
    own = node.get("headers") or {}
    if kind == "multipart" and any(followed(document, one).get("required") for one in own.values()):
        raise Unsayable("wants headers of its own")
    if node.keys() & {"style", "explode"}:
        return _styled(part, node)
    return _typed(part, str(node.get("contentType") or "*/*"), kind)


def _styled(part: Part, node: Mapping[str, Any]) -> Part:
    style, explode = str(node.get("style") or "form"), node.get("explode")
    if style not in STYLES:
        raise Unsayable(f"has the style {style!r}, which no form has")
    if nested(part.schema) and style != "deepObject":
        raise Unsayable("is nested, which only JSON could write")
    return replace(part, style=style, explode=explode if isinstance(explode, bool) else None)


def _typed(part: Part, media: str, kind: str) -> Part:
    offered = [one.strip() for one in media.split(",")]
    if any(map(is_json, offered)):
        if kind == "form" and _holds(part.schema, "array"):
            raise Unsayable(f"is a list sent as {media}, which is written in more ways than one")
        return replace(part, content=True)
    if not any(one.partition(";")[0].lower() in _PLAIN for one in offered):
        raise Unsayable(f"is sent as {media}, which a plan cannot say")
    if "*/*" not in offered and (_holds(part.schema, "object") or nested(part.schema)):
        raise Unsayable(f"holds an object, which {media} cannot write")
    return part


def nested(said: Mapping[str, Any]) -> bool:
    """Whether a value may hold lists or objects inside a list or an object."""
    inner = [said["items"]] if "items" in said else list(said.get("properties", {}).values())
    options = said.get("anyOf", ())
    deeper = any(_holds(one, "object") or _holds(one, "array") for one in inner)
    return deeper or any(map(nested, options))


def _holds(said: Mapping[str, Any], kind: str) -> bool:
    """Whether a value of the type may be a list, or an object."""
    return said.get("type") == kind or any(_holds(one, kind) for one in said.get("anyOf", ()))


def filled(said: Mapping[str, Any]) -> dict[str, Any]:
    """The type without the empty list, of which a query, a header or a form sends nothing."""
    if "anyOf" in said:
        return {**said, "anyOf": [filled(one) for one in said["anyOf"]]}
    if said.get("type") != "array":
        return dict(said)
    if said.get("maxItems", 1) < 1:
        raise Unsayable("is a list without items, of which nothing is sent")
    return {**said, "minItems": max(1, said.get("minItems", 0))}
