"""Composite skills that pay for themselves: mined from traces, kept by code length.

Not covered: whether a builder can learn them; that is tried on a trained one (`fit_composite`) and
judged by a paired test (`accept`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count

from bb_core.actions import Space, decide
from bb_core.errors import Inexpressible
from bb_core.plan import Plan
from bb_core.scene import Scene
from bb_core.skill import Skill
from bb_train.skills.code_length import CodeLength, Said, code_length
from bb_train.skills.mine import mine

Trace = tuple[Scene, Plan, tuple[int, ...]]
"""A scene, its plan, and where its clauses start."""


@dataclass(frozen=True, slots=True)
class Composed:
    """The composites kept, in the order they were, and the code length before and after each.

    decisions: how many the traces take, before and after each.
    """

    skills: tuple[Skill, ...]
    lengths: tuple[CodeLength, ...]
    decisions: tuple[int, ...]


def compose(
    space: Space,
    traces: Sequence[Trace],
    most: int = 4,
    least: int = 8,
    tries: int = 8,
    say: Callable[[str], None] = lambda _: None,
) -> Composed:
    """Add the composite that shortens the code most, again and again, while one does.

    `tries` candidates are weighed each time, those that would save most steps. `space` may hold
    composites already. Traces that the space cannot express are left out.
    """
    said = _decided(space, traces)
    kept = [trace for trace, one in zip(traces, said, strict=True) if one is not None]
    lengths = [code_length(space, [s for s in said if s is not None])]
    sizes = [_size(said)]
    added: list[Skill] = []
    pool = [m.skill for m in mine(space, [plan for _, plan, _ in kept], least)]
    while len(added) < most and pool:
        weighed = [(_weigh(space, skill, kept), skill) for skill in pool[:tries]]
        (length, size), skill = min(weighed, key=lambda row: row[0][0].total)
        say(f"{skill.name}: {lengths[-1].total:.0f} -> {length.total:.0f} nats, {size} decisions")
        if length.total >= lengths[-1].total:
            break
        space = with_skill(space, skill)
        added.append(space.skills[-1])
        lengths.append(length)
        sizes.append(size)
        pool = [other for other in pool if other != skill]
    return Composed(tuple(added), tuple(lengths), tuple(sizes))


def with_skill(space: Space, skill: Skill) -> Space:
    """The space with one more composite; its name gets a number if it is taken."""
    taken = {known.name for known in space.skills}
    names = (skill.name if n == 1 else f"{skill.name}#{n}" for n in count(1))
    named = replace(skill, name=next(name for name in names if name not in taken))
    composites = [known for known in space.skills if known.composite]
    return Space.of(space.compiled, [*composites, named], space.constants)


def _weigh(space: Space, skill: Skill, traces: Sequence[Trace]) -> tuple[CodeLength, int]:
    larger = with_skill(space, skill)
    said = _decided(larger, traces)
    return code_length(larger, [s for s in said if s is not None]), _size(said)


def _decided(space: Space, traces: Sequence[Trace]) -> list[Said | None]:
    found: list[Said | None] = []
    for scene, plan, clauses in traces:
        try:
            found.append((scene, decide(space, scene, plan, clauses)))
        except Inexpressible:
            found.append(None)
    return found


def _size(said: Sequence[Said | None]) -> int:
    return sum(len(one[1]) for one in said if one is not None)
