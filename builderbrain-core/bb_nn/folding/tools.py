"""A domain's tools as a fold sees them: what each gives, and what may fill its slots."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bb_core.compiled import Compiled
from bb_nn.errors import RailError


@dataclass(frozen=True, slots=True)
class Slot:
    """One argument. A finished step of type `result` fills it, or a word of `pattern`, or a choice.

    `row` counts the slots of the domain.
    """

    row: int
    tool: str
    name: str
    optional: bool
    result: str = ""
    pattern: re.Pattern[str] | None = None
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: `gives` names the type of its result, "" for none that a step could take."""

    row: int
    name: str
    does: str
    gives: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class Tools:
    """All tools of a domain, the closed choices of their slots, the types of their results."""

    tools: tuple[Tool, ...]

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Every slot, by row."""
        return tuple(slot for tool in self.tools for slot in tool.slots)

    @cached_property
    def choices(self) -> tuple[Any, ...]:
        """Every closed choice, once."""
        return tuple(dict.fromkeys(c for slot in self.slots for c in slot.choices))

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Every type a result has."""
        return tuple(dict.fromkeys(t.gives for t in self.tools if t.gives))

    @cached_property
    def by_name(self) -> Mapping[str, Tool]:
        """Tools by name."""
        return {tool.name: tool for tool in self.tools}


def tools(compiled: Compiled) -> Tools:
    """The tools of a compiled domain; raises RailError for an argument a fold cannot fill."""
    schema = compiled.schema
    given = {name: str(schema.result(name).get("x-type", "")) for name in schema.tools}
    results, found, row = set(given.values()) - {""}, list[Tool](), 0
    for index, (name, spec) in enumerate(schema.tools.items()):
        slots = []
        for arg in spec.args:
            slots.append(
                _slot(row, name, arg, arg in spec.optional, schema.arg(name, arg), results)
            )
            row += 1
        found.append(Tool(index, name, spec.does, given[name], tuple(slots)))
    return Tools(tuple(found))


def _slot(
    row: int, tool: str, name: str, optional: bool, spec: Mapping[str, Any], results: set[str]
) -> Slot:
    kind = spec.get("x-type", "")
    if kind in results:
        return Slot(row, tool, name, optional, result=kind)
    if "enum" in spec:
        return Slot(row, tool, name, optional, choices=tuple(spec["enum"]))
    if spec.get("type") == "string" and "pattern" in spec:
        return Slot(row, tool, name, optional, pattern=re.compile(spec["pattern"]))
    raise RailError(
        "neither a result, nor a word by its pattern, nor a closed choice",
        where=f"{tool}.{name}",
        fix="give the argument a pattern or an enum",
    )
