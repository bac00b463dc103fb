"""What is known before a plan is written, and what of it narrows the language of the next step.

Ids, addresses and amounts are copied, never invented: where a type's readers or its pattern find
values in what the person asked or the run has seen, only those may be written. A tool is offered
once the facts it requires have been established, by name; one that needs consent must wait for a
step that asks.

Not covered: whether the right one of several matches is chosen, and everything about a fact but its
name; the checker holds facts to their keys and their order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bb_core.canonical import Json
from bb_core.reading import values
from bb_core.schema import FactCall, PlanSchema
from bb_core.typestate import APPROVED


@dataclass(frozen=True, slots=True)
class Known:
    """The texts values may be copied from, and the facts earlier rounds have established."""

    texts: tuple[str, ...] = ()
    facts: frozenset[str] = frozenset()

    def values(self, schema: Mapping[str, Any]) -> tuple[Json, ...]:
        """The values of a type that the texts name; none for a type nobody can read."""
        return values(schema, self.texts)


def offered(schema: PlanSchema, known: Known, tools: Sequence[str]) -> tuple[str, ...]:
    """The tools that may come after steps with these tools; all of them if none may.

    Their facts are there, and they establish no exclusive fact that somebody holds already.
    """
    have = known.facts | established(schema, tools)
    asked = bool(askers(schema, tools))
    held = {fact for fact in have if schema.facts[fact].exclusive}
    found = tuple(
        name
        for name, tool in schema.tools.items()
        if _ready(tool.requires, have, asked) and not held & established(schema, [name])
    )
    return found or tuple(schema.tools)


def _ready(requires: Iterable[str], have: frozenset[str], asked: bool) -> bool:
    return all(asked if r == APPROVED else FactCall.parse(r).name in have for r in requires)


def established(schema: PlanSchema, tools: Sequence[str]) -> frozenset[str]:
    """The names of the facts that steps with these tools establish."""
    return frozenset(FactCall.parse(e).name for t in tools for e in schema.tools[t].establishes)


def askers(schema: PlanSchema, tools: Sequence[str]) -> tuple[int, ...]:
    """The places of the steps that ask for consent."""
    return tuple(i for i, tool in enumerate(tools) if schema.tools[tool].approves)
