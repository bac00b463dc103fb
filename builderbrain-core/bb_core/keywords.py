"""The keywords of a type as its author wrote them: each means something, and no range is empty.

JSON Schema passes over a word it does not know, so a bound that is misspelt would bound nothing. A
type out of somebody else's document keeps that document's words and is not looked at here. Not
covered: a keyword that starts with `x-`, which may be the author's own; one misspelt as another
keyword; and one that is known but that no mask can write an argument under (`typed.py` says which).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bb_core.described import described
from bb_core.nearest import instead, nearest
from bb_core.yaml_lines import Path

Found = tuple[Path, str, str]
_PLAIN = """
    type-name type const enum multipleOf minimum maximum exclusiveMinimum exclusiveMaximum
    minLength maxLength pattern minItems maxItems uniqueItems minContains maxContains
    minProperties maxProperties required dependentRequired format contentEncoding contentMediaType
    title description default examples deprecated readOnly writeOnly
    $id $schema $ref $anchor $dynamicRef $dynamicAnchor $vocabulary $comment
"""
_SCHEMA = """
    items additionalProperties contains propertyNames not if then else contentSchema
    unevaluatedItems unevaluatedProperties
"""
_ONE = _SCHEMA.split()
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
_OWN = "use JSON Schema's keywords, or start your own with x-"
KEYWORDS = frozenset([*_ONE, *_NAMED, *_LISTED, *_PLAIN.split()])
_RANGES = (
    ("minimum", "maximum", False),
    ("exclusiveMinimum", "maximum", True),
    ("minimum", "exclusiveMaximum", True),
    ("exclusiveMinimum", "exclusiveMaximum", True),
    ("minLength", "maxLength", False),
    ("minItems", "maxItems", False),
    ("minContains", "maxContains", False),
    ("minProperties", "maxProperties", False),
)
"""Lower keyword, upper keyword, and whether the two may not be equal."""


def keyword_findings(path: Path, spec: Mapping[str, Any]) -> Iterator[Found]:
    """Unknown keywords, empty ranges and unknown required names of a type, at any depth."""
    place = ".".join(map(str, path))
    for key in spec:
        if key not in KEYWORDS and not key.startswith("x-"):
            near = nearest(key, KEYWORDS)
            fix = f"write {near}" if near else _OWN
            yield (*path, key), f"unknown keyword {key!r} in {place}", fix
    if spec.get("enum") == []:
        yield (*path, "enum"), f"enum of {place} lists nothing", "list a value"
    closed = spec.get("additionalProperties") is False
    for key in spec.get("required", ()) if closed else ():
        if described(spec, [key]) is None:
            fix = instead(key, spec.get("properties", {}))
            yield (*path, "required"), f"required {key!r} of {place} is not a property", fix
    for low, high, strict in _RANGES:
        least, most = spec.get(low), spec.get(high)
        if _crossed(least, most, strict):
            found = f"{low} {least} and {high} {most} of {place} leave no value"
            yield (*path, high), found, "write the smaller one first"
    for inner, one in _inside(spec):
        yield from keyword_findings((*path, *inner), one)


def _crossed(least: Any, most: Any, strict: bool) -> bool:
    """Whether two bounds leave nothing between them; what is no number is said elsewhere."""
    numbers = all(isinstance(b, int | float) and not isinstance(b, bool) for b in (least, most))
    return numbers and (least > most or (strict and least == most))


def _inside(spec: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every schema one level inside a schema."""
    for key in _ONE:
        if isinstance(spec.get(key), Mapping):
            yield (key,), spec[key]
    for key in _NAMED:
        if isinstance(spec.get(key), Mapping):
            yield from (((key, n), s) for n, s in spec[key].items() if isinstance(s, Mapping))
    for key in _LISTED:
        if isinstance(spec.get(key), list):
            yield from (((key, i), s) for i, s in enumerate(spec[key]) if isinstance(s, Mapping))
