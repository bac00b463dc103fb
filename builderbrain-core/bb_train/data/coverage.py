"""What examples do not show: tools that none of them calls, arguments that are always the same.

Not covered: an argument that is given by reference now and then, and parts of a value.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bb_core.canonical import canonical
from bb_core.compiled import Compiled
from bb_core.plan import Step, refs, value_json
from bb_core.reading import READ
from bb_train.data.blanks import CLOSED
from bb_train.example import Example

ENOUGH = 8
"""With fewer examples of an argument, one value says nothing of the domain."""


def unshown(
    compiled: Compiled, examples: Sequence[Example], without: Collection[str]
) -> Iterator[str]:
    """The tools that solve a battery task and that no example calls, in the battery's order.

    A task that needs a tool to be left out is left out with it.
    """
    there = shown(examples)
    wanted: dict[str, None] = {}
    for task in compiled.battery:
        if task.expect == "done":
            tools = [step.tool for plan in map(compiled.read, task.rounds) for step in plan.steps]
            wanted |= {} if set(without) & set(tools) else dict.fromkeys(tools)
    yield from (tool for tool in wanted if tool not in there)


def shown(examples: Iterable[Example]) -> set[str]:
    """The tools that examples call."""
    return {step.tool for each in examples for step in each.plan.steps}


def unvaried(
    compiled: Compiled, examples: Sequence[Example], pinned: Collection[tuple[str, str]] = ()
) -> Iterator[str]:
    """A sentence for each argument that has one value wherever it is given.

    pinned: types and values that rules hold where they are; of these nothing is to be done.
    """
    steps: dict[tuple[str, str], list[Step]] = {}
    for each in examples:
        for step in each.plan.steps:
            for name in step.args:
                steps.setdefault((step.tool, name), []).append(step)
    for (tool, name), found in sorted(steps.items()):
        schema = compiled.schema.arg(tool, name)
        value = _only(name, found) if len(found) >= ENOUGH and not _settled(schema) else ""
        if value and (schema.get("x-type"), str(json.loads(value))) not in pinned:
            yield f"{tool}.{name} is {value} in all {len(found)} examples. {_advice(schema)}"


def _only(name: str, steps: Sequence[Step]) -> str:
    """The one value that the argument has, as JSON; empty where it has others or a reference."""
    values = set[bytes]()
    for step in steps:
        if any(refs({name: step.args[name]})):
            return ""
        values.add(canonical(value_json(step.args[name])))
    return values.pop().decode() if len(values) == 1 else ""


def _settled(schema: Mapping[str, Any]) -> bool:
    """Whether the type leaves no choice."""
    return "const" in schema or len(schema.get("enum", (0, 0))) == 1


def _advice(schema: Mapping[str, Any]) -> str:
    closed = CLOSED & schema.keys() or schema.get("type") == "boolean"
    if closed:
        return "Add tasks with its other values"
    return "Add tasks" if READ in schema else "Add x-read or tasks"
