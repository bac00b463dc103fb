"""JSON Schemas as languages: every text of the language is compact JSON the schema accepts.

    language({"type": "string", "pattern": "^W[0-9]{4}$"})   "W0000" to "W9999", quotes included

Only what a finite language can say exactly is read; any other keyword is a SchemaError. Not
covered: escapes that are never needed (`\\/`, `\\u0041`), exponents, and spaces between tokens. The
language is then smaller than the schema, never larger.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bb_core.anchored import regex
from bb_core.canonical import Json
from bb_core.errors import SchemaError
from bb_core.language import (
    EMPTY,
    NOTHING,
    Alt,
    Chars,
    Language,
    Lit,
    Repeat,
    Seq,
    alt,
    char_set,
    complement,
    lengths,
    seq,
)
from bb_core.numerals import decimals, integers
from bb_core.surface_shape import Listing

Schema = Mapping[str, Any]
Refs = Callable[[Schema], Language]
"""The references that may stand where a value of this schema is wanted; NOTHING when none may."""

MAX_LENGTH, MAX_ITEMS, MAX_NUMBER = 200, 16, 999_999_999
_NOTES = {"title", "description", "default", "examples", "deprecated", "$comment"}
_KEYWORDS = {
    "string": {"pattern", "minLength", "maxLength"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "number": {"minimum", "maximum"},
    "array": {"items", "minItems", "maxItems"},
    "object": {"properties", "required", "additionalProperties"},
    "boolean": set[str](),
    "null": set[str](),
}
_UNPRINTED = ((0x00, 0x1F), (0x22, 0x22), (0x5C, 0x5C), (0x7F, 0x7F))
_NEEDED = ((0x09, "\\t"), (0x0A, "\\n"), (0x22, '\\"'), (0x5C, "\\\\"))
_ESCAPES = char_set('"\\nt')
_CHARACTER = alt(complement(_UNPRINTED), seq("\\", _ESCAPES))


def no_refs(schema: Schema) -> Language:
    """The rule that no reference may stand anywhere."""
    return NOTHING


_ARRAY, _OBJECT = Listing("[", ",", "]", True), Listing("{", ",", "}", True)


@dataclass(frozen=True, slots=True)
class Spelling:
    """How values are written here: lists, objects, a key and its value, and fitting references."""

    array: Listing | None = _ARRAY
    object: Listing | None = _OBJECT
    pair: Callable[[str, Language], Language] = lambda key, value: seq(compact(key) + ":", value)
    refs: Refs = no_refs
    known: Callable[[Schema], Sequence[Json]] = lambda schema: ()
    """The only values a literal of this schema may have; any it allows if there are none."""


JSON = Spelling()
"""Compact JSON without references."""


def compact(value: Any) -> str:
    """A JSON value as the languages here write it: no spaces, no needless escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def language(schema: Schema, where: str = "", how: Spelling = JSON) -> Language:
    """The texts a value of this schema may have, or a fitting reference at any depth."""
    return alt(_literal(schema, where, how), how.refs(schema))


def _literal(schema: Schema, where: str, how: Spelling) -> Language:
    for fixed, values in (("const", [schema.get("const")]), ("enum", schema.get("enum"))):
        if fixed in schema:
            _only(schema, {fixed, "type"}, where)
            if not isinstance(values, list) or not values:
                raise SchemaError("'enum' must list at least one value", where=where)
            return alt(*(compact(value) for value in values))
    if "anyOf" in schema:
        _only(schema, {"anyOf"}, where)
        return alt(*(_literal(one, where, how) for one in schema["anyOf"]))
    if known := how.known(schema):
        return alt(*(compact(value) for value in known))
    kind = schema.get("type")
    if isinstance(kind, list):
        return alt(*(_literal(_narrowed(schema, one), where, how) for one in kind))
    if kind not in _KEYWORDS:
        found = f"type {kind!r}" if kind else "a schema without a type"
        raise SchemaError(found + " cannot be decoded", where=where, fix=f"known: {_known()}")
    _only(schema, {"type", *_KEYWORDS[kind]}, where)
    return _BY_TYPE[kind](schema, where, how)


def _narrowed(schema: Schema, kind: str) -> dict[str, Any]:
    other = {word for name, words in _KEYWORDS.items() if name != kind for word in words}
    drop = other - _KEYWORDS.get(kind, set())
    return {key: item for key, item in schema.items() if key not in drop} | {"type": kind}


def _string(schema: Schema, where: str, how: Spelling) -> Language:
    least = schema.get("minLength", 0)
    if "pattern" not in schema:
        most = schema.get("maxLength", max(MAX_LENGTH, least))
        if not 0 <= least <= most:
            raise SchemaError(
                f"minLength {least} and maxLength {most} are out of order", where=where
            )
        return seq('"', Repeat(_CHARACTER, least, most), '"')
    lang = regex(schema["pattern"], where)
    low, high = lengths(lang)
    if low < least or high > schema.get("maxLength", high):
        raise SchemaError(
            f"pattern allows {low} to {high} characters, minLength and maxLength do not",
            where=where,
            fix="say the length in the pattern",
        )
    return seq('"', _escaped(lang), '"')


def _escaped(lang: Language) -> Language:
    """The same texts as they stand between JSON quotes."""
    match lang:
        case Lit(text):
            return Lit(compact(text)[1:-1])
        case Chars(ranges):
            return _escaped_chars(ranges)
        case Seq(items):
            return seq(*(_escaped(item) for item in items))
        case Alt(items):
            return alt(*(_escaped(item) for item in items))
        case Repeat(item, least, most):
            return Repeat(_escaped(item), least, most)


def _escaped_chars(ranges: tuple[tuple[int, int], ...]) -> Language:
    outside = complement(ranges).ranges
    plain = complement([*outside, *_UNPRINTED])
    escapes = [
        Lit(text) for point, text in _NEEDED if any(low <= point <= high for low, high in ranges)
    ]
    return alt(*([plain] if plain.ranges else []), *escapes)


def _integer(schema: Schema, where: str, how: Spelling) -> Language:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        low = max(schema["exclusiveMinimum"] + 1, schema.get("minimum", -(10**18)))
    if "exclusiveMaximum" in schema:
        high = min(schema["exclusiveMaximum"] - 1, schema.get("maximum", 10**18))
    return integers(*_bounds(low, high, where))


def _number(schema: Schema, where: str, how: Spelling) -> Language:
    return decimals(*_bounds(schema.get("minimum"), schema.get("maximum"), where))


def _bounds(low: Any, high: Any, where: str) -> tuple[int, int]:
    least = min(-MAX_NUMBER, high or 0) if low is None else low
    most = max(MAX_NUMBER, low or 0) if high is None else high
    if least != int(least) or most != int(most) or least > most:
        raise SchemaError(
            f"bounds {least} to {most} cannot be decoded",
            where=where,
            fix="use integers, the smaller one first",
        )
    return int(least), int(most)


def _array(schema: Schema, where: str, how: Spelling) -> Language:
    least = schema.get("minItems", 0)
    most = schema.get("maxItems", max(MAX_ITEMS, least))
    if not isinstance(schema.get("items"), Mapping) or not 0 <= least <= most:
        raise SchemaError("an array needs 'items' and bounds in order", where=where)
    item = language(schema["items"], f"{where}/items", how)
    if how.array is None:
        raise SchemaError(
            "the plan language has no lists", where=where, fix="give it a rule 'array'"
        )
    return seq(how.array.open, listed(item, how.array.sep, least, most), how.array.close)


def listed(item: Language, sep: str, least: int, most: int) -> Language:
    """`least` to `most` items with separators between them."""
    if most == 0:
        return EMPTY
    full = seq(item, Repeat(seq(sep, item), max(least - 1, 0), most - 1))
    return full if least else Repeat(full, 0, 1)


def _object(schema: Schema, where: str, how: Spelling) -> Language:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    required = set(schema.get("required", ()))
    if schema.get("additionalProperties", False) is not False:
        raise SchemaError("additionalProperties must be false", where=where)
    if not required <= set(properties):
        missing = sorted(required - set(properties))
        raise SchemaError(f"required {missing[0]!r} is not a property", where=where)
    members = [
        (how.pair(name, language(one, f"{where}/{name}", how)), name in required)
        for name, one in properties.items()
    ]
    if how.object is None:
        raise SchemaError(
            "the plan language has no objects", where=where, fix="give it a rule 'object'"
        )
    return seq(how.object.open, members_in_order(members, how.object.sep), how.object.close)


def members_in_order(members: Sequence[tuple[Language, bool]], sep: str) -> Language:
    """Members in their order with separators right, whichever of the optional ones are there."""
    choices: list[Language] = []
    for index, (member, needed) in enumerate(members):
        rest = [
            seq(sep, later) if must else Repeat(seq(sep, later), 0, 1)
            for later, must in members[index + 1 :]
        ]
        choices.append(seq(member, *rest))
        if needed:
            return alt(*choices)
    return alt(*choices, EMPTY)


def _only(schema: Schema, known: set[str], where: str) -> None:
    for key in schema:
        if key not in known and key not in _NOTES and not key.startswith("x-"):
            raise SchemaError(
                f"keyword {key!r} cannot be decoded",
                where=f"{where} ({schema['x-type']})" if "x-type" in schema else where,
                fix=f"here: {', '.join(sorted(known - {'type'})) or 'no keyword'}",
            )


def _known() -> str:
    return ", ".join(sorted(_KEYWORDS)) + ", const, enum, anyOf"


_BY_TYPE: dict[str, Callable[[Schema, str, Spelling], Language]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "array": _array,
    "object": _object,
    "boolean": lambda schema, where, how: alt("true", "false"),
    "null": lambda schema, where, how: Lit("null"),
}
