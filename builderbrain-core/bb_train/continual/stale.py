"""Remembered episodes that do what is not done any more: the ways of the domain have changed.

A request does not say that the shop's policy is another one. What is replayed from before would
teach the old ways as much as new episodes teach the new, so it is left out of what is learnt from
and measured on. A way to fill a tool's slot (one of its closed values or learnt constants, another
value, left out) is stale where its absence is no chance, given a uniform prior on its share:

    p = prod over i < r of (n - k + 1 + i) / (n + 2 + i)  <  LEVEL / ways      (Laplace 1774)

k of n episodes that used the slot, up to the last one in this way, were in it, and r used it since.
An episode is stale if one of its ways is; the newest never is. It stays in the replay: a way that
comes back is learnt from again.

Not covered: a way that nobody needs for a while is told from one that was given up by nothing
here, so what it taught is not rehearsed meanwhile (the gate's tasks are what notices); steps that
a policy adds, drops or puts in another order; the first few uses after a change; ways that were
rare before it. The level is for one look: over many candidates a way is called stale by chance
more often. Where all that was held back is stale the guards have nothing to measure, and the
gate's own KL is what is left.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma
from typing import Any

from bb_core.plan import Plan, Value
from bb_core.slots import Slot, same
from bb_core.space import Space
from bb_train.example import Example

LEVEL = 1e-3
OTHER, LEFT_OUT = "another value", "left out"


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """How a slot is filled: a closed value as JSON, another value, or left out."""

    slot: str
    filled: str

    def __str__(self) -> str:
        return f"{self.slot}: {self.filled}"


def ways(space: Space, plan: Plan) -> Iterator[Way]:
    """The ways in which a plan fills those slots that have closed values or may be left out."""
    for step in plan.steps:
        for slot in space.tool_slots.get(step.tool, ()):
            if slot.choices or slot.optional:
                yield from (Way(str(slot), one) for one in _filled(slot, step.args))


def stale(space: Space, examples: Sequence[Example]) -> dict[Way, float]:
    """The ways that went out of use in examples from the oldest to the newest, and their p."""
    uses, seen, last = Counter[str](), Counter[Way](), dict[Way, int]()
    for example in examples:
        here = set(ways(space, example.plan))
        uses.update({way.slot for way in here})
        seen.update(here)
        last |= {way: uses[way.slot] for way in here}
    found = {way: absence(seen[way], last[way], uses[way.slot] - last[way]) for way in sorted(seen)}
    return {way: p for way, p in found.items() if p < LEVEL / len(found)}


def current(
    space: Space, examples: Sequence[Example], gone: Mapping[Way, float]
) -> tuple[Example, ...]:
    """The examples that have none of these ways, in order."""
    return tuple(one for one in examples if not any(way in gone for way in ways(space, one.plan)))


def absence(hits: int, uses: int, since: int) -> float:
    """prod over i < r of (n - k + 1 + i) / (n + 2 + i): no hit in r uses after k in n."""
    misses, all_of = uses - hits + 1, uses + 2
    return exp(lgamma(misses + since) - lgamma(misses) + lgamma(all_of) - lgamma(all_of + since))


def _filled(slot: Slot, args: Mapping[str, Value]) -> Iterator[str]:
    value: Any = args
    for name in slot.path:
        if not isinstance(value, Mapping):
            return  # a reference fills the whole around it
        if name not in value:
            yield LEFT_OUT
            return
        value = value[name]
    for item in value if slot.many and isinstance(value, list) else (value,):
        closed = (json.dumps(choice) for choice in slot.choices if same(choice, item))
        yield next(closed, OTHER)
