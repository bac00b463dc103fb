"""Ways to write a value: a type's readers (`x-read`) run backwards; without any, in figures."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from re import _constants as ops
from re import _parser as parser
from typing import Any

from bb_core.canonical import Json
from bb_core.reading import READ, readers, values
from bb_train.data.figures import is_figure, places, spelt

_LOOKS = {ops.ASSERT, ops.ASSERT_NOT, ops.AT}
_GROUP = re.compile(r"\{([0-9])\}")


def spellings(schema: Mapping[str, Any], value: Json) -> tuple[str, ...]:
    """Texts that a type's readers read as exactly this value.

    Without readers a string spells itself, and a whole number is written in figures.
    """
    if READ not in schema:
        if isinstance(value, str):
            return (value,)
        return spelt(schema, value) if is_figure(schema) else ()
    return _spelt(json.dumps(schema[READ]), str(schema.get("type", "string")), json.dumps(value))


@lru_cache(maxsize=65536)
def _spelt(spec: str, kind: str, wanted: str) -> tuple[str, ...]:
    value: Json = json.loads(wanted)
    wide = {"type": kind, READ: json.loads(spec)}
    texts = (_written(pattern, into, wanted) for pattern, into in readers(spec))
    return tuple(text for text in texts if text and values(wide, (f"a {text} b",)) == (value,))


def spans(schema: Mapping[str, Any], value: Json, text: str) -> Iterator[tuple[int, int]]:
    """Where a text writes this value, in characters; a word is not found inside a longer one."""
    if READ in schema:
        for pattern, into in readers(json.dumps(schema[READ])):
            for match in pattern.finditer(text):
                if _read(into, match) == value:
                    yield match.span()
    elif is_figure(schema) and not isinstance(value, str):
        yield from places(schema, value, text)
    elif isinstance(value, str) and value:
        for match in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text):
            yield match.span()


def _read(into: str, match: re.Match[str]) -> Json:
    try:
        found: Json = json.loads(_GROUP.sub(lambda slot: match[int(slot[1])] or "", into))
    except ValueError:
        return None
    return found


def _written(pattern: re.Pattern[str], into: str, value: str) -> str:
    """The text a reader reads as `value`: its groups filled from the value; empty if it cannot."""
    groups = _groups(pattern.pattern)
    shape = "".join(
        f"(?P<g{part}>{groups.get(int(part), '.*')})" if odd else re.escape(part)
        for odd, part in _parts(into)
    )
    try:
        found = re.fullmatch(shape, value)
    except re.error:  # a group named twice: no way back
        return ""
    if not found:
        return ""
    filled = {int(name[1:]): text for name, text in found.groupdict().items()}
    return _text(_parsed(pattern.pattern), filled)


def _parts(into: str) -> Iterator[tuple[bool, str]]:
    for index, part in enumerate(_GROUP.split(into)):
        yield bool(index % 2), part


@lru_cache(maxsize=256)
def _groups(pattern: str) -> dict[int, str]:
    """The source of each capturing group that holds no other."""
    found = re.finditer(r"(?<!\\)\((?!\?)([^()]*)\)", pattern)
    return {index: match[1] for index, match in enumerate(found, 1)}


@lru_cache(maxsize=256)
def _parsed(pattern: str) -> Any:
    return parser.parse(pattern)


def _text(parsed: Any, filled: Mapping[int, str]) -> str:
    """The shortest text of a parsed pattern with these groups."""
    return "".join(_piece(op, given, filled) for op, given in parsed)


def _piece(op: Any, given: Any, filled: Mapping[int, str]) -> str:
    if op in _LOOKS:
        return ""
    if op is ops.LITERAL:
        return chr(given)
    if op is ops.SUBPATTERN:
        return str(filled[given[0]]) if given[0] in filled else _text(given[-1], filled)
    if op is ops.MAX_REPEAT or op is ops.MIN_REPEAT:
        return _text(given[2], filled) * int(given[0])
    if op is ops.BRANCH:
        return _text(given[1][0], filled)
    if op is ops.IN:
        return _one(given)
    return " "


def _one(given: Any) -> str:
    op, value = given[0]
    if op is ops.LITERAL:
        return chr(value)
    if op is ops.RANGE:
        return chr(value[0])
    return "0" if value is ops.CATEGORY_DIGIT else " "
