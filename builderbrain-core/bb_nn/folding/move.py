"""One step as a fold takes it, and the plan that a row of such steps is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bb_core.compiled import Compiled
from bb_core.plan import Plan, Ref, Step, Value
from bb_nn.folding.tools import Slot, Tools


@dataclass(frozen=True, slots=True)
class Word:
    """A slot is filled by the text of a word, given by its index."""

    index: int


@dataclass(frozen=True, slots=True)
class Result:
    """A slot is filled by the result of an earlier step, given by its index."""

    step: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A slot is filled by one of its closed choices."""

    index: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """An optional slot is left out."""


Fill = Word | Result | Choice | Nothing


@dataclass(frozen=True, slots=True)
class Move:
    """A step taken when `at` words have been read; one fill for each slot of the tool, in order."""

    tool: str
    fills: tuple[Fill, ...]
    at: int


def to_plan(
    compiled: Compiled, tools: Tools, spelled: Sequence[str], moves: Sequence[Move]
) -> Plan:
    """The plan of these moves over words spelled so; step i is named n(i + 1)."""
    steps = []
    for index, move in enumerate(moves):
        slots = tools.by_name[move.tool].slots
        filled = [(s, f) for s, f in zip(slots, move.fills, strict=True)]
        args = {s.name: _value(s, f, spelled) for s, f in filled if not isinstance(f, Nothing)}
        steps.append(Step(f"n{index + 1}", move.tool, args))
    return Plan(compiled.name, compiled.digest, tuple(steps))


def _value(slot: Slot, fill: Fill, spelled: Sequence[str]) -> Value:
    if isinstance(fill, Result):
        return Ref(f"n{fill.step + 1}")
    if isinstance(fill, Word):
        return spelled[fill.index]
    value: Any = slot.choices[fill.index] if isinstance(fill, Choice) else None
    return value
