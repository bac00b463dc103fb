"""What a builder may answer: the skills that may come next, and what may fill a slot.

These masks are the builder's plan language: a plan made within them has known tools, rightly typed
values that were said somewhere, and references that fit. The checker judges the rest.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

from bb_core.decision import Decision, Filled, Refer
from bb_core.fit import INDEX, at, fit, paths
from bb_core.known import Known
from bb_core.known import offered as offered_tools
from bb_core.plan import escape
from bb_core.reading import Span
from bb_core.scene import Scene
from bb_core.slots import Slot
from bb_core.space import Space
from bb_core.spots import spots
from bb_core.typed import MAX_ITEMS

Reference = tuple[int, str, int]
_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may fill a slot; of a list, one item of it, or (a reference with levels) all of it.

    spans     where the text says a value of the type, by place
    choices   how many of the slot's choices there are: Choose(0) to Choose(choices - 1)
    refers    (step, pointer, levels) of the earlier results that fit
    free      any other stretch of the text may be copied too, if the type allows what it says
    write     the text may be written freely
    skip      it may be left out
    """

    spans: tuple[Span, ...] = ()
    choices: int = 0
    refers: tuple[Reference, ...] = ()
    free: bool = False
    write: bool = False
    skip: bool = False


def tools_of(space: Space, decisions: Sequence[Decision]) -> tuple[str, ...]:
    """The tools of the steps that decisions make, in order."""
    return tuple(tool for d in decisions for tool in space.skills[d.skill].tools)


def offered(space: Space, scene: Scene, decisions: Sequence[Decision]) -> tuple[bool, ...]:
    """For each skill of the space, whether it may come after these decisions.

    The facts its tools require are there by then, and the plan does not get too long. When no
    tool's facts are there, all that fit into the plan are offered. None that is barred is.
    """
    done = tools_of(space, decisions)
    room = space.schema.limits.steps - len(done)
    return tuple(
        place not in space.barred
        and len(skill.tools) <= room
        and all(
            tool in _open(space, scene.facts, done + skill.tools[:i])
            for i, tool in enumerate(skill.tools)
        )
        for place, skill in enumerate(space.skills)
    )


def _open(space: Space, facts: frozenset[str], tools: tuple[str, ...]) -> frozenset[str]:
    """The tools that may come after these."""
    if (facts, tools) not in space.kept:
        if len(space.kept) >= _KEPT:
            del space.kept[next(iter(space.kept))]
        found = offered_tools(space.schema, Known((), facts), tools)
        space.kept[facts, tools] = frozenset(found)
    return space.kept[facts, tools]


def candidates(
    space: Space,
    scene: Scene,
    decisions: Sequence[Decision],
    slot: Slot,
    filled: Sequence[tuple[Slot, Filled]] = (),
) -> Candidates:
    """What may fill a slot of the decision that follows these.

    `filled` are that decision's slots so far with their fills: what a reference to a whole object
    has filled already can only be skipped.
    """
    if any(covers(one, fill, slot) for one, fill in filled):
        return Candidates(skip=True)
    return Candidates(
        spans=readable(space, scene, slot),
        choices=len(slot.choices),
        refers=tuple(_refers(space, tools_of(space, decisions), slot)),
        free=slot.kind == "text",
        write=slot.kind == "text",
        skip=slot.optional,
    )


def readable(space: Space, scene: Scene, slot: Slot) -> tuple[Span, ...]:
    """Where the text says a value of the slot, by place; the same for slots with the same key."""
    return () if slot.kind in ("closed", "other") else spots(space.schema, scene, slot)


def covers(slot: Slot, fill: Filled, other: Slot) -> bool:
    """Whether a slot's fill stands for a whole object that holds the other slot too."""
    if not isinstance(fill, Refer) or not fill.levels or slot.member != other.member:
        return False
    whole = slot.whole(fill.levels)
    return other.path != slot.path and other.path[: len(whole)] == whole


def _refers(space: Space, tools: Sequence[str], slot: Slot) -> Iterator[Reference]:
    for levels, want in enumerate(slot.keys):
        for step, tool in enumerate(tools):
            for pointer in _pointers(space.result_keys[tool], want):
                yield step, pointer, levels


def pointers(space: Space, tool: str, slot: Slot, levels: int = 0) -> tuple[str, ...]:
    """The places in a tool's result that may fill a slot, or the whole so many levels above it."""
    return _pointers(space.result_keys[tool], slot.keys[levels])


def may_refer(space: Space, tool: str, slot: Slot) -> bool:
    """Whether something in a tool's result may fill a slot, or a whole around it."""
    return any(_pointers(space.result_keys[tool], want) for want in slot.keys)


@lru_cache(maxsize=16384)
def _pointers(result: str, want: str) -> tuple[str, ...]:
    """The places in a result that may hold a value of a schema, both given as JSON."""
    if result == "{}":
        return ()
    whole, wanted = json.loads(result), json.loads(want)
    fits = (path for path, have in paths(whole) if fit(have, wanted) != "no")
    return tuple(one for path in fits for one in _spelt(whole, path))


def _spelt(result: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """The pointers a path stands for: one for each index that a list may have."""
    choices: list[list[str]] = []
    for depth, token in enumerate(path):
        if token == INDEX:
            array = at(result, ["0" if t == INDEX else t for t in path[:depth]]) or {}
            most = min(array.get("maxItems", MAX_ITEMS), MAX_ITEMS)
            choices.append([str(i) for i in range(most)])
        else:
            choices.append([escape(token)])
    yield from ("".join(f"/{token}" for token in tokens) for tokens in product(*choices))
