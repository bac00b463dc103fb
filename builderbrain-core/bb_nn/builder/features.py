"""What is known of an option without reading: counts, distances and equalities, about 0 to 1.

They name no tool and no type, so they mean the same in every domain and for every new tool.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from bb_core.plan import POSITION, tokens
from bb_nn.builder.question import Spot

Features = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Used:
    """Which values the plan has used: (decision, argument's name, tool and path, value)."""

    rows: tuple[tuple[int, str, Hashable, Hashable], ...] = ()
    decisions: int = 0
    first: int = 0

    def latest(self, value: Hashable) -> int | None:
        """The last decision that used a value."""
        return max((row[0] for row in self.rows if row[3] == value), default=None)

    def named(self, name: str) -> Hashable:
        """The value last used under this argument name."""
        return next((row[3] for row in reversed(self.rows) if row[1] == name), None)


def span_features(
    used: Used, name: str, place: Hashable, value: Hashable, spot: Spot, last: int, rank: int,
    count: int, clause: Spot, request_end: int,
) -> Features:  # fmt: skip
    """Of a span that may be copied. `rank`: its place among those not used yet; `last` copied."""
    latest = used.latest(value)
    return (
        float(latest is not None and latest >= used.first),
        float(latest is not None and latest == used.decisions - 1),
        float(used.named(name) == value),
        float(spot[0] >= last),
        1.0 / (1.0 + abs(spot[0] - last) / 20.0),
        1.0 / (1.0 + rank) if latest is None else 0.0,
        float(latest is not None),
        0.0 if latest is None else 1.0 / (used.decisions - latest + 1.0),
        float(spot[0] >= request_end),
        float(spot[0] < clause[0]),
        1.0 / count,
        float(any(row[2] == place and row[3] == value for row in used.rows)),
    )


def choice_features(words: str, clause: str, text: str) -> Features:
    """Of a closed choice: whether its words stand in the clause and in the text.

    The fifth number is 0 of all: a place that weights of before were trained with.
    """
    said = [word for word in words.lower().split() if len(word) > 2]
    if not said:
        return (0.0, 0.0, 0.0, 0.0, 0.0)
    here = sum(word in clause for word in said) / len(said)
    there = sum(word in text for word in said) / len(said)
    return (here, float(words.lower() in clause), there, float(words.lower() in text), 0.0)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier step as another sees it."""

    tool: str
    decision: int
    values: frozenset[Hashable] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Referred:
    """An earlier step as all references into its result see it."""

    recency: float
    in_clause: float
    last_of_tool: float
    shares: float
    first: float

    @classmethod
    def of(
        cls, steps: Sequence[Earlier], at: int, used: Used, mine: frozenset[Hashable]
    ) -> "Referred":
        """Step `at` as seen from the decision under way, whose values are `mine`."""
        step = steps[at]
        return cls(
            1.0 / (len(steps) - at),
            float(step.decision >= used.first),
            float(not any(other.tool == step.tool for other in steps[at + 1 :])),
            float(bool(step.values & mine)),
            float(at == 0),
        )


def refer_features(to: Referred, pointer: str, name: str, fits: int) -> Features:
    """Of a reference into a step's result, one of so many that fit an argument of this name."""
    last, index = _pointed(pointer)
    return (
        to.recency,
        to.in_clause,
        to.last_of_tool,
        float(last == name),
        to.shares,
        float(index is None),
        0.0 if index is None else 1.0 / (1.0 + index),
        1.0 / fits,
        to.first,
    )


@lru_cache(maxsize=8192)
def _pointed(pointer: str) -> tuple[str, int | None]:
    """The last name of a pointer, and the first index in it."""
    parts = tokens(pointer)
    last = parts[-1] if parts else ""
    return last, next((int(part) for part in parts if POSITION.match(part)), None)


def edge_features(
    steps: Sequence[Earlier], at: int, used: Used, mine: frozenset[Hashable], implied: bool,
    asks: bool, data: bool, is_open: bool, last_clause: bool,
) -> Features:  # fmt: skip
    """Of an earlier step that the decision under way may wait for.

    is_open: no step waits for it yet. last_clause: it is of the last clause before that made steps.
    """
    step = steps[at]
    later_same = any(other.tool == step.tool for other in steps[at + 1 :])
    return (
        float(implied),
        float(data),
        float(asks),
        float(at == len(steps) - 1),
        float(step.decision >= used.first),
        float(bool(step.values & mine)),
        float(not later_same),
        1.0 / (len(steps) - at),
        float(is_open),
        float(last_clause),
        float(is_open and step.decision >= used.first),
        float(is_open and last_clause),
    )
