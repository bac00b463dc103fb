"""Fresh values: like one that was seen, of the same type, in the share that is asked for."""

import json
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bb_core.canonical import Json
from bb_core.structure import validator
from bb_train.data.blanks import Blank
from bb_train.data.figures import drawn, drawn_near, is_figure
from bb_train.data.shares import Share, share_of_value
from bb_train.data.spelling import spellings

_TRIES = 60
_ONSETS = [
    "b",
    "br",
    "c",
    "ch",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "pr",
    "qu",
    "r",
    "s",
    "sh",
    "st",
    "t",
    "th",
    "tr",
    "v",
    "w",
    "y",
    "z",
]
_VOWELS = ["a", "e", "i", "o", "u", "a", "e", "i", "o", "ai", "ea", "ie", "ou"]
_ENDS = ["", "", "", "n", "r", "s", "l", "m", "t", "nd", "rt", "ck", "x"]


def syllables(rng: Random, least: int = 1, most: int = 3) -> str:
    """A pronounceable word that nobody has written before."""
    parts = [rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(rng.randint(least, most))]
    return "".join(parts) + rng.choice(_ENDS)


@dataclass(frozen=True)
class Values:
    """What fresh values are made from: the values seen per argument, and words that occur."""

    seen: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    words: Sequence[str] = ()

    def fresh(self, blank: Blank, rng: Random, share: Share | None, near: bool = False) -> Json:
        """A value of the blank's type in this share (None: any); the old one if none is found.

        `near`: an amount no larger than the old one and not much smaller, so that what was
        possible with the old one still is. Of bare figures others too, where none of those is in
        the share: the twin has to say what is possible.
        """
        right = _validator(blank.schema)
        for tried in range(_TRIES):
            value = self._draw(blank, rng, near, tried)
            if share and share_of_value(blank.kind, value) != share:
                continue
            if right(value) and (isinstance(value, str) or spellings(blank.schema, value)):
                return value
        return blank.value

    def _draw(self, blank: Blank, rng: Random, near: bool, tried: int) -> Json:
        if isinstance(blank.value, int):
            if not is_figure(blank.schema):
                return _amount(blank, blank.value, rng, near)
            if near:
                return drawn_near(blank.schema, blank.value, rng, tried)
            return drawn(blank.schema, blank.value, rng)
        if not isinstance(blank.value, str):
            return blank.value
        if "x-type" not in blank.schema and " " in blank.value:
            return self._sentence(rng)
        others = self.seen.get((blank.kind, blank.name), ())
        like = rng.choice(others) if others and rng.random() < 0.7 else blank.value
        return self._like(like, blank, rng)

    def _like(self, text: str, blank: Blank, rng: Random) -> str:
        """The same shape: digits for digits, words for words; letters of an id stay."""
        others = self.seen.get((blank.kind, blank.name), ())
        out = []
        for place, (kind, run) in enumerate(_runs(text)):
            if kind == "word" and not _is_id(text):
                out.append(_word(run, place, others, rng))
            elif kind == "digits":
                out.append(_digits(run, rng, _is_id(text)))
            else:
                out.append(run)
        return "".join(out)

    def _sentence(self, rng: Random) -> str:
        count = rng.randint(3, 9)
        words = [
            rng.choice(self.words) if self.words and rng.random() < 0.8 else syllables(rng)
            for _ in range(count)
        ]
        text = " ".join(words)
        return text[0].upper() + text[1:] + rng.choice(".....!?")


def _amount(blank: Blank, value: int, rng: Random, near: bool) -> int:
    if near:
        low = max(1, value // 2)
        return rng.choice((rng.randint(low, value), max(low // 100, 1) * 100))
    top = min(int(blank.schema.get("maximum", 100_000)), 10 ** rng.randint(3, 5))
    shapes: tuple[Callable[[], int], ...] = (
        lambda: rng.randint(1, top),
        lambda: rng.randint(1, max(1, top // 100)) * 100,
        lambda: rng.randint(1, max(1, top // 50)) * 50,
        lambda: rng.randint(1, max(1, top // 100)) * 100 - 1,
    )
    return rng.choice(shapes)()


def _runs(text: str) -> list[tuple[str, str]]:
    runs: list[tuple[str, str]] = []
    for char in text:
        kind = "word" if char.isalpha() else "digits" if char.isdigit() else "mark"
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, runs[-1][1] + char)
        else:
            runs.append((kind, char))
    return runs


def _is_id(text: str) -> bool:
    """One word of letters and digits: its letters say what it is."""
    return " " not in text and any(c.isdigit() for c in text) and "@" not in text


def _digits(run: str, rng: Random, fixed: bool) -> str:
    """Other digits; a number that stands for itself may be shorter and does not start with 0."""
    if fixed or len(run) > 3:
        return "".join(rng.choice(string.digits) for _ in run)
    return str(rng.randint(1, 10 ** len(run) - 1))


def _word(run: str, place: int, others: Sequence[str], rng: Random) -> str:
    """A word in the same case: one that stands there in another value, or a new one."""
    if others and rng.random() < 0.6:
        there = _runs(rng.choice(others))[place : place + 1]
        if there and there[0][0] == "word" and there[0][1][0].isupper() == run[0].isupper():
            return there[0][1]
    new = syllables(rng, 1, 3)
    return new.capitalize() if run[0].isupper() else new


def _validator(schema: Mapping[str, Any]) -> Callable[[Any], bool]:
    return validator(json.dumps(schema, sort_keys=True)).is_valid
