"""A text that is being folded: words, and in the place of those that are done with, finished steps.

    Emma said that a dog | ate .        before "dog" is folded
    Emma said that [Thing] | ate .      after

A finished step is known by the type of its result alone. So the next step sees the same thing
whether a long phrase or one word stands there, and what holds for short texts holds for nested
ones. The same idea with other names: shift-reduce parsing, and spans in arXiv 2009.06040.
"""

import re
from dataclasses import dataclass, replace

WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Unit:
    """A word (`step` is -1) or a finished step; `begin` is the index of its first word."""

    begin: int
    step: int = -1
    gives: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The first `at` of `count` words have been read; `units` stand for them, left to right.

    `steps`: how many steps have been taken.
    """

    count: int
    at: int = 0
    units: tuple[Unit, ...] = ()
    steps: int = 0

    @property
    def over(self) -> bool:
        """Whether all words have been read."""
        return self.at == self.count

    def read(self) -> "Reading":
        """Read one word more."""
        return replace(self, at=self.at + 1, units=(*self.units, Unit(self.at)))

    def fold(self, first: Unit, gives: str) -> "Reading":
        """Take a step whose leftmost part is `first`: it stands for all units from there on."""
        kept = self.units[: self.units.index(first)]
        unit = Unit(first.begin, self.steps, gives)
        return replace(self, units=(*kept, unit), steps=self.steps + 1)

    def seen(self, left: int) -> tuple[Unit, ...]:
        """The last `left` units, the nearest last."""
        return self.units[-left:]


def words(text: str) -> tuple[tuple[int, int], ...]:
    """The characters, from and to, of each word and each sign of a text."""
    return tuple(match.span() for match in WORD.finditer(text))
