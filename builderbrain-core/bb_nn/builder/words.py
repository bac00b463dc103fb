"""The texts of a space that the base describes once: skills, slots, choices, places in results."""

import json
from collections.abc import Iterator
from functools import lru_cache

from bb_core.canonical import Json
from bb_core.fit import paths
from bb_core.imported import sentence
from bb_core.plan import tokens
from bb_core.slots import Slot
from bb_core.space import Space
from bb_nn.builder.pointer import is_index, pointer_of


def words_of(space: Space) -> tuple[str, ...]:
    """Every text a builder of this space may ask for, each once."""
    return tuple(dict.fromkeys(_all(space)))


def _all(space: Space) -> Iterator[str]:
    yield from (skill_text(space, i) for i in range(len(space.skills)))
    for tool in space.schema.tools:
        yield tool_text(space, tool)
        for slot in space.tool_slots[tool]:
            yield slot_text(slot)
            yield from map(choice_text, slot.choices)
        yield from _results(space, tool)
    # Of a result's list only the first item's slot is asked above.
    for values in space.constants.values():
        yield from map(choice_text, values)


def _results(space: Space, tool: str) -> Iterator[str]:
    result = space.schema.result(tool)
    for path, _ in paths(result) if result else ():
        yield pointer_text(tool, pointer_of(path))
        slot = space.result_slot(tool, pointer_of(path, "0"))
        yield from map(choice_text, slot.choices if slot else ())


def skill_text(space: Space, skill: int) -> str:
    """What a skill is: its tools' names and what they do."""
    return " Then ".join(tool_text(space, tool) for tool in space.skills[skill].tools)


def tool_text(space: Space, tool: str) -> str:
    """A tool's name and what it does."""
    return f"{plain_words(tool)}: {space.schema.tools[tool].does}"


def slot_text(slot: Slot) -> str:
    """What a slot is of, its type's name, and what the schema describes it as, if it does."""
    kind = slot.schema.get("x-type") or slot.schema.get("type", "value")
    named = f"{plain_words(' '.join(slot.path))} ({kind}) of {plain_words(slot.tool)}"
    around = slot.wholes[0] if slot.many else {}
    told = sentence(slot.schema.get("description"), around.get("description"))
    return f"{named}: {told}" if told else named


def choice_text(value: Json) -> str:
    """A closed value in words; as JSON where it has none (`""`, `"-"`, a number)."""
    return (plain_words(value) if isinstance(value, str) else "") or json.dumps(value)


@lru_cache(maxsize=8192)
def pointer_text(tool: str, pointer: str) -> str:
    """A place in a tool's result; places that differ in an index are one."""
    parts = ["one" if is_index(part) else part for part in tokens(pointer)]
    return f"{plain_words(' '.join(parts)) or 'all'} in the result of {plain_words(tool)}"


def plain_words(name: str) -> str:
    """`ordered_by_mistake` as words."""
    return name.replace("_", " ").replace("-", " ").strip()
