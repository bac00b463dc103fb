"""Two JSON Schemas as one that allows what both allow (`allOf`, and keys beside a `$ref`)."""

from collections.abc import Mapping
from typing import Any

from bb_core.json_refs import Unsayable

Schema = Mapping[str, Any]
_LEAST = ("maxLength", "maxItems", "maximum", "exclusiveMaximum", "maxProperties")
_MAPS = ("properties", "patternProperties", "dependentSchemas")
_ONE = (
    "anyOf", "oneOf", "pattern", "format", "const", "multipleOf", "contains", "propertyNames",
    "dependentRequired", "dependencies", "prefixItems", "if", "then", "else",
    "contentEncoding", "contentMediaType",
)  # fmt: skip
"""Keywords of which one schema can say only one."""
_MOST = ("minLength", "minItems", "minimum", "exclusiveMinimum", "minProperties")


def merged(left: Schema, right: Schema) -> dict[str, Any]:
    """The keywords of both, the tighter of two bounds; raises Unsayable where it cannot be."""
    out = dict(left)
    for key, value in right.items():
        out[key] = _both(key, out[key], value) if key in out else value
    return out


def _both(key: str, left: Any, right: Any) -> Any:
    if left == right:
        return left
    if key in _MAPS:
        shared = {name: _joined(left[name], right[name]) for name in left if name in right}
        return {**left, **right, **shared}
    if key == "required":
        return [*left, *(name for name in right if name not in left)]
    if key in _LEAST or key in _MOST:
        return _tighter(key, left, right)
    if key == "enum":
        return _shared(key, left, right)
    if key == "type":
        return _type(left, right)
    if key in ("items", "additionalProperties"):
        return _joined(left, right)
    if key == "not":
        return {"anyOf": [left, right]}
    if key == "allOf":
        return [*left, *right]
    if key in _ONE:
        return _contradiction(key, left, right)
    return right


def _joined(left: Any, right: Any) -> Any:
    """A schema that both of two allow: one that refers elsewhere is merged where it is read."""
    if left == right or right is True or left is False:
        return left
    if left is True or right is False:
        return right
    if "$ref" in left or "$ref" in right:
        return {"allOf": [left, right]}
    return merged(left, right)


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
