"""Where a plan's steps are what a composite skill makes."""

from collections.abc import Mapping, Sequence

from bb_core.assemble import get
from bb_core.plan import Ref, Step, Value
from bb_core.skill import Skill
from bb_core.space import Space


def composite_at(space: Space, steps: Sequence[Step], start: int) -> int | None:
    """The composite skill that makes the steps from here on, the longest first; None for none.

    The steps are to be called n1, n2, ... as `assemble` calls them.
    """
    found = [
        (len(skill.tools), -index)
        for index, skill in enumerate(space.skills)
        if skill.composite and makes(space, index, steps, start)
    ]
    return -max(found)[1] if found else None


def makes(space: Space, index: int, steps: Sequence[Step], start: int) -> bool:
    """Whether the skill makes just these steps: its tools, its ties, its edges."""
    skill = space.skills[index]
    members = steps[start : start + len(skill.tools)]
    if tuple(step.tool for step in members) != skill.tools or any(s.when for s in members):
        return False
    inner = {step.id: member for member, step in enumerate(members)}
    return (
        _tied(skill, members)
        and _edges(skill, members, inner)
        and _linked(space, index, members, inner)
    )


def _tied(skill: Skill, members: Sequence[Step]) -> bool:
    return all(
        _alike(get(members[tie.member].args, tie.path), get(members[tie.source].args, tie.to))
        for tie in skill.same
    )


def _alike(a: Value, b: Value) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _edges(skill: Skill, members: Sequence[Step], inner: Mapping[str, int]) -> bool:
    outer = set[frozenset[str]]()
    for member, step in enumerate(members):
        own = {inner[ident] for ident in step.after if ident in inner}
        if own != set(skill.after[member] if skill.after else ()):
            return False
        rest = frozenset(step.after).difference(inner)
        if member in skill.roots:
            outer.add(rest)
        elif rest:
            return False
    return len(outer) == 1


def _linked(space: Space, index: int, members: Sequence[Step], inner: Mapping[str, int]) -> bool:
    """Every link holds, and nothing else refers to a member."""
    skill = space.skills[index]
    for link in skill.refers:
        value = get(members[link.member].args, link.path)
        if value != Ref(members[link.source].id, link.pointer):
            return False
    slots = space.slots(index)
    return not any(
        ref.step in inner
        for slot in slots
        for length in range(1, len(slot.path) + 1)
        for ref in _own_refs(get(members[slot.member].args, slot.path[:length]))
    )


def _own_refs(value: Value) -> list[Ref]:
    """The references at a slot: itself, or its items."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Ref)]
