"""The places of an answer where anything can stand that somebody wrote.

Shut are fixed values, numbers, and texts of a pattern that has an end and no blank in it.
Not covered: what is said without blanks in so few characters.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bb_core.anchored import regex
from bb_core.errors import SchemaError
from bb_core.language import Alt, Chars, Language, Lit, Repeat, Seq, lengths
from bb_core.plan import escape

MOST_CHARACTERS = 64
_FIXED = frozenset({"enum", "const"})
_BLANKS = (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x2010))
_BLANKS += (*range(0x2028, 0x2030), 0x205F, 0x2060, 0x3000, 0xFEFF)
_PLAIN = frozenset({"integer", "number", "boolean", "null"})


def free_texts(schema: Mapping[str, Any], here: str = "") -> Iterator[str]:
    """The JSON Pointers (`*` for an index) of free texts, and of parts that are not described."""
    kind = schema.get("type")
    kinds = frozenset(kind if isinstance(kind, list) else [kind]) - _PLAIN
    if not kinds or _FIXED & schema.keys() or (kinds == {"string"} and _shut(schema)):
        return
    if kinds == {"object"} and schema.get("properties"):
        for name, one in schema["properties"].items():
            yield from free_texts(one, f"{here}/{escape(name)}")
    elif kinds == {"array"} and isinstance(schema.get("items"), Mapping):
        yield from free_texts(schema["items"], f"{here}/*")
    else:
        yield here


def _shut(schema: Mapping[str, Any]) -> bool:
    try:
        language = regex(str(schema.get("pattern", "")))
    except SchemaError:  # it may well be shut; what cannot be proved is free
        return False
    return lengths(language)[1] <= MOST_CHARACTERS and not _blank(language)


def _blank(language: Language) -> bool:
    """Whether a text of the language may hold a character that parts words."""
    match language:
        case Lit(text):
            return any(ord(one) in _BLANKS for one in text)
        case Chars(ranges):
            return any(low <= one <= high for low, high in ranges for one in _BLANKS)
        case Seq(items) | Alt(items):
            return any(map(_blank, items))
        case Repeat(item, _, _):
            return _blank(item)
