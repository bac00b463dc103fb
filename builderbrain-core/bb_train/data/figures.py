"""Bare figures: whole numbers of a type that nobody gave a reader, written as people write them.

What they count stands beside them in the wording, so a new figure is all that changes.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil, floor
from random import Random
from typing import Any

from bb_core.canonical import Json
from bb_core.reading import READ
from bb_core.reading import spans as read_spans

CLOSE_TRIES = 20
MOST = 100_000
"""The largest figure that is made up where the type names none."""


def is_figure(schema: Mapping[str, Any]) -> bool:
    """Whether a type's values are whole numbers that only figures say."""
    kind = schema.get("type")
    return READ not in schema and "integer" in (kind if isinstance(kind, list) else [kind])


def spelt(schema: Mapping[str, Any], value: Json) -> tuple[str, ...]:
    """The figure for this value, if it reads back as one of the type's."""
    text = str(value)
    return (text,) if any(places(schema, value, f"a {text} b")) else ()


def places(schema: Mapping[str, Any], value: Json, text: str) -> Iterator[tuple[int, int]]:
    """Where a text writes this value in figures, in characters."""
    for span in read_spans(schema, text):
        if type(value) is int and type(span.value) is int and span.value == value:
            yield span.start, span.end


def drawn(schema: Mapping[str, Any], value: int, rng: Random) -> int:
    """Another figure between the type's bounds, small ones as often as large ones."""
    return _within(schema, value, 10 ** rng.randint(1, 5), rng)


def drawn_near(schema: Mapping[str, Any], value: int, rng: Random, tried: int) -> int:
    """A figure no further from 0 than `value` nor much closer; after a few tries, one of its size.

    Few lie that near, and none of them need be in a share. In the end it is any.
    """
    if tried < CLOSE_TRIES:
        return rng.randint(*sorted((value // 2, value)))
    if tried < 2 * CLOSE_TRIES:
        return _within(schema, value, max(10, 2 * abs(value)), rng)
    return drawn(schema, value, rng)


def _within(schema: Mapping[str, Any], value: int, reach: int, rng: Random) -> int:
    low, high = _bounds(schema, value)
    close = max(low, -reach), min(high, reach)
    return rng.randint(*close) if close[0] <= close[1] else rng.randint(low, high)


def _bounds(schema: Mapping[str, Any], value: int) -> tuple[int, int]:
    low = ceil(schema.get("minimum", schema.get("exclusiveMinimum", min(1, value))))
    high = floor(schema.get("maximum", schema.get("exclusiveMaximum", max(MOST, 2 * abs(low)))))
    return low, max(low, high)


def doubtful(uses: Iterable[tuple[str, Mapping[str, Any], Json]]) -> frozenset[str]:
    """The figures of a plan that stand for more than one thing, given each use's name.

    Which of them a wording says nobody can tell, so they stay as they are.
    """
    names: dict[str, set[str]] = {}
    figures = set[str]()
    for name, schema, value in uses:
        names.setdefault(str(value), set()).add(name)
        if is_figure(schema):
            figures.add(str(value))
    return frozenset(text for text in figures if len(names[text]) > 1)
