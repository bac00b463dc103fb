"""Two JSON Schemas as one that both would accept (`allOf`, and a `$ref` with keys beside it)."""

from collections.abc import Mapping
from typing import Any

from bb_core.json_refs import Unsayable

Schema = Mapping[str, Any]
_LEAST = ("maxLength", "maxItems", "maximum", "exclusiveMaximum", "maxProperties")
_MOST = ("minLength", "minItems", "minimum", "exclusiveMinimum", "minProperties")


def merged(left: Schema, right: Schema) -> dict[str, Any]:
    """The keywords of both, the tighter of two bounds; raises Unsayable where they contradict."""
    out = dict(left)
    for key, value in right.items():
        out[key] = _both(key, out[key], value) if key in out else value
    return out


def _both(key: str, left: Any, right: Any) -> Any:
    if left == right:
        return left
    if key == "properties":
        shared = {name: merged(left[name], right[name]) for name in left.keys() & right.keys()}
        return {**left, **right, **shared}
    if key == "required":
        return [*left, *(name for name in right if name not in left)]
    if key in _LEAST or key in _MOST:
        return _tighter(key, left, right)
    if key == "enum":
        return _shared(key, left, right)
    if key == "type":
        return _type(left, right)
    if key == "items":
        return merged(left, right)
    if key in ("allOf", "anyOf", "oneOf"):
        return [*left, *right] if key == "allOf" else _contradiction(key, left, right)
    if key == "additionalProperties":
        return False if False in (left, right) else right
    if key in ("pattern", "format", "const", "multipleOf"):
        return _contradiction(key, left, right)
    return right


def _tighter(key: str, left: Any, right: Any) -> Any:
    if isinstance(left, bool) or isinstance(right, bool):  # OpenAPI 3.0's exclusiveMinimum: true
        return left or right
    return min(left, right) if key in _LEAST else max(left, right)


def _type(left: Any, right: Any) -> Any:
    ours = left if isinstance(left, list) else [left]
    theirs = right if isinstance(right, list) else [right]
    if {"integer", "number"} <= {*ours, *theirs}:
        ours = ["integer" if kind == "number" else kind for kind in ours]
        theirs = ["integer" if kind == "number" else kind for kind in theirs]
    both = _shared("type", ours, theirs)
    return both[0] if len(both) == 1 else both


def _shared(key: str, left: list[Any], right: list[Any]) -> list[Any]:
    both = [item for item in left if item in right]
    return both or _contradiction(key, left, right)


def _contradiction(key: str, left: Any, right: Any) -> Any:
    raise Unsayable(f"{key} is both {left!r} and {right!r}")
