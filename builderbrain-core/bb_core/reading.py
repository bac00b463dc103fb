"""How a value is written in plain words: readers a type brings, and the values they find in a text.

    Cents:
      type: integer
      x-read:
        - {text: '\\$([0-9]{1,4})[.]([0-9]{2})', as: '{1}{2}'}     # $12.50 -> 1250

`text` is a regular expression; `as` is the value's JSON with `{1}` for the first group. A named
one-word string type needs no reader: its own pattern finds its values.

`values` are what narrows a plan's language: they are found where a type says how. `spans` finds
more, with the places: numbers in figures, and the runs of words that a pattern of several allows.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bb_core.canonical import Json
from bb_core.errors import SchemaError
from bb_core.structure import validator

READ = "x-read"
_EDGE = "\"'`()[]{}<>,.;:!?"


_WORD = re.compile(r"[^\s\"'()\[\]{}<>,;]+")
_RUN_WORD = re.compile(r"[^\s\"()\[\]{}<>,;]+")
NUMERAL = r"(?<![\w.,$-])(-?[0-9]+)(?![0-9]|[.,][0-9])"
"""A whole number in figures, as a reader's text."""

_NUMERAL = re.compile(r"(?<![\w.,-])-?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?(?![0-9]|[.,][0-9])")
_QUOTED = re.compile(r"\"([^\"\n]+)\"|\u201c([^\u201d\n]+)\u201d|(?<!\w)'([^'\n]+)'(?!\w)")
_ALL_BUT = re.compile(r"\[\^(?:\\.|[^\]\\])+\]")
MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a text, from and to, and the value that a type reads there."""

    start: int
    end: int
    value: Json


def values(schema: Mapping[str, Any], texts: tuple[str, ...]) -> tuple[Json, ...]:
    """The values of a type that texts name, each once; none for a type nobody can read."""
    right = validator(json.dumps(schema, sort_keys=True))
    found = [span.value for span in _named(schema, texts) if right.is_valid(span.value)]
    return tuple(json.loads(text) for text in dict.fromkeys(map(json.dumps, found)))


def spans(schema: Mapping[str, Any], text: str) -> tuple[Span, ...]:
    """Where a text says a value of a type, by place; each stretch once."""
    return _spans(json.dumps(schema, sort_keys=True), text)


@lru_cache(maxsize=4096)
def _spans(key: str, text: str) -> tuple[Span, ...]:
    schema, right = json.loads(key), validator(key)
    found: dict[tuple[int, int], Span] = {}
    for span in (*_named(schema, (text,)), *_unnamed(schema, text)):
        if (span.start, span.end) not in found and right.is_valid(span.value):
            found[span.start, span.end] = span
    return tuple(found[place] for place in sorted(found))


def _named(schema: Mapping[str, Any], texts: tuple[str, ...]) -> Iterator[Span]:
    """What a type's own readers find, or its one-word pattern."""
    if READ in schema:
        for reader, template in readers(json.dumps(schema[READ])):
            for text in texts:
                for match in reader.finditer(text):
                    yield Span(*match.span(), _value(template, match))
    elif "x-type" in schema and " " not in schema.get("pattern", " "):
        yield from _words(texts)


def _unnamed(schema: Mapping[str, Any], text: str) -> Iterator[Span]:
    """Figures, words, runs of words and what stands in quotes, as far as the type allows any."""
    kind = schema.get("type")
    kinds = set(kind) if isinstance(kind, list) else {kind}
    if kinds & {"integer", "number"} and READ not in schema:
        for match in _NUMERAL.finditer(text):
            figure = match[0].replace(",", "")
            if "." not in figure:
                yield Span(*match.span(), int(figure))
            elif "number" in kinds:
                yield Span(*match.span(), float(figure))
    if "string" not in kinds or READ in schema:
        return
    if "pattern" not in schema:
        yield from _quotations(text)
        return
    yield from _words((text,))
    if _blank(schema):
        yield from _runs(text)


def _blank(schema: Mapping[str, Any]) -> bool:
    """Whether a type's pattern lets a value hold a blank: it names one, or any character, or all
    but some. The last counts for named types alone; elsewhere it is how free text is bounded."""
    pattern = schema["pattern"]
    if re.search(r" |\\s|\.[*+{]", pattern):
        return True
    return "x-type" in schema and any(map(_takes_blank, _ALL_BUT.findall(pattern)))


def _takes_blank(group: str) -> bool:
    try:
        return re.fullmatch(group, " ") is not None
    except re.error:  # a class that only other engines know
        return False


def _quotations(text: str) -> Iterator[Span]:
    for match in _QUOTED.finditer(text):
        place = next(match.span(i) for i in (1, 2, 3) if match[i])
        yield Span(*place, text[slice(*place)])


@lru_cache(maxsize=256)
def _runs(text: str) -> tuple[Span, ...]:
    """Every run of a few words, edges bare; a possessive may end one without its ending."""
    words = [match.span() for match in _RUN_WORD.finditer(text)]
    found: list[Span] = []
    for i, (first, _) in enumerate(words):
        for _, last in words[i : i + MOST_WORDS]:
            start, end = _bare(text, first, last)
            found.append(Span(start, end, text[start:end]))
            if text[start:end].endswith(("'s", "\u2019s")):
                found.append(Span(start, end - 2, text[start : end - 2]))
    return tuple(found)


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch without the marks at its edges."""
    while start < end and text[start] in _EDGE:
        start += 1
    while start < end and text[end - 1] in _EDGE:
        end -= 1
    return start, end


def _value(template: str, match: re.Match[str]) -> Json:
    text = re.sub(r"\{([0-9])\}", lambda slot: match[int(slot[1])] or "", template)
    try:
        value: Json = json.loads(text)
    except ValueError:
        return None
    return value


@lru_cache(maxsize=256)
def readers(spec: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The readers in an `x-read` entry, given as JSON; raises SchemaError for a wrong one."""
    found = []
    for row in json.loads(spec):
        if not isinstance(row, dict) or row.keys() != {"text", "as"}:
            raise SchemaError(f"a reader is {{text: …, as: …}}, found {row!r}")
        try:
            pattern = re.compile(row["text"])
        except (re.error, TypeError) as error:
            raise SchemaError(f"{row['text']!r} is not a regular expression: {error}") from None
        wanted = [int(n) for n in re.findall(r"\{([0-9])\}", str(row["as"]))]
        if not wanted or max(wanted) > pattern.groups:
            raise SchemaError(f"{row['as']!r} must name groups 1 to {pattern.groups} as {{1}}")
        found.append((pattern, str(row["as"])))
    return tuple(found)


@lru_cache(maxsize=64)
def _words(texts: tuple[str, ...]) -> tuple[Span, ...]:
    """The texts cut at blanks, quotes and other marks that no id contains, edges bare."""
    found: list[Span] = []
    for text in texts:
        for match in _WORD.finditer(text):
            start, end = _bare(text, *match.span())
            found.append(Span(start, end, text[start:end]))
    return tuple(found)
