"""Sub-plans that traces hold again and again, as composite skills.

A run is some steps in a row that a composite could make: what its later steps wait for lies within
it, and nothing in it is conditional. Runs with the same tools, edges and references are one
pattern; its ties are the slots that hold the same value in (nearly) all of its runs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bb_core.canonical import Json, canonical
from bb_core.plan import Plan, Ref, Step, refs, tokens
from bb_core.skill import Link, Path, Skill, Tie
from bb_core.slots import Slot
from bb_core.space import Space

LONGEST = 4
SUPPORT = 0.9
Leaves = Mapping[Path, Slot]


@dataclass(frozen=True, slots=True)
class Pattern:
    """What the runs of a composite have in common, besides their ties."""

    tools: tuple[str, ...]
    after: tuple[tuple[int, ...], ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Mined:
    """A skill and how many runs of the traces it would make (runs may overlap)."""

    skill: Skill
    runs: int


def mine(
    space: Space, plans: Sequence[Plan], least: int = 8, longest: int = LONGEST
) -> tuple[Mined, ...]:
    """The composites that at least `least` runs of the plans are made by, those that save most
    steps first.

    They are candidates: `compose` keeps those that pay for themselves.
    """
    found: dict[Pattern, list[tuple[Step, ...]]] = defaultdict(list)
    for plan in plans:
        for run in runs(plan, longest):
            pattern = pattern_of(run)
            if pattern is not None:
                found[pattern].append(run)
    mined = [_mined(space, p, group) for p, group in found.items() if len(group) >= least]
    kept = [m for m in mined if m.runs >= least]
    return tuple(sorted(kept, key=lambda m: (-m.runs * (len(m.skill.tools) - 1), m.skill.name)))


def runs(plan: Plan, longest: int = LONGEST) -> Iterator[tuple[Step, ...]]:
    """Every row of two to `longest` steps of a plan."""
    for size in range(2, longest + 1):
        for start in range(len(plan.steps) - size + 1):
            yield plan.steps[start : start + size]


def pattern_of(run: Sequence[Step]) -> Pattern | None:
    """A run's pattern; None if no composite can make it."""
    place = {step.id: i for i, step in enumerate(run)}
    after, links = list[tuple[int, ...]](), list[Link]()
    for member, step in enumerate(run):
        if step.when:
            return None
        linked = [
            Link(member, _path(at), place[ref.step], ref.pointer)
            for at, ref in refs(step.args)
            if ref.step in place
        ]
        waits = tuple(sorted(place[name] for name in step.after if name in place))
        if (linked or waits) and any(name not in place for name in step.after):
            return None
        links += linked
        after.append(waits)
    outer = {frozenset(s.after) for i, s in enumerate(run) if not _inner(i, after, links)}
    if len(outer) > 1:
        return None
    return Pattern(tuple(step.tool for step in run), tuple(after), tuple(links))


def _inner(member: int, after: Sequence[tuple[int, ...]], links: Sequence[Link]) -> bool:
    return bool(after[member]) or any(link.member == member for link in links)


def _path(pointer: str) -> Path:
    return tuple(tokens(pointer))


def _mined(space: Space, pattern: Pattern, group: Sequence[tuple[Step, ...]]) -> Mined:
    """The pattern with the ties that hold in most of its runs."""
    support = Counter(tie for run in group for tie in _equal(space, run))
    ties: dict[tuple[int, Path], Tie] = {}
    for tie in sorted(support, key=lambda t: (t.member, t.path, t.source, t.to)):
        often = support[tie] >= SUPPORT * len(group)
        if often and (tie.member, tie.path) not in ties and _varies(group, tie):
            ties[tie.member, tie.path] = tie
    kept = tuple(ties.values())
    name = "+".join(pattern.tools)
    skill = Skill(name, pattern.tools, kept, pattern.links, pattern.after)
    return Mined(skill, sum(set(kept) <= set(_equal(space, run)) for run in group))


def _equal(space: Space, run: Sequence[Step]) -> Iterator[Tie]:
    """Every slot of a run that holds the value of a slot of an earlier step of it."""
    held: list[tuple[int, Path, bytes]] = []
    for member, step in enumerate(run):
        own = list(_values(space, step))
        for path, value in own:
            said = canonical(value)
            yield from (Tie(member, path, i, to) for i, to, other in held if other == said)
        held += [(member, path, canonical(value)) for path, value in own]


def _values(space: Space, step: Step) -> Iterator[tuple[Path, Json]]:
    """What a step's slots hold; references and slots with closed choices are left out."""
    for slot in space.tool_slots[step.tool]:
        value = value_at(step.args, slot.path)
        if value is not None and slot.kind != "closed" and not any(refs(value)):
            yield slot.path, value


def value_at(args: Mapping[str, Json | Ref], path: Path) -> Json:
    """The value at a slot's path, None where there is none."""
    value: Json = dict(args)  # type: ignore[arg-type]  # a reference is no mapping: None below
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value


def _varies(group: Sequence[tuple[Step, ...]], tie: Tie) -> bool:
    """Whether the tied value is not always the same one; if so it is a constant, and no tie."""
    seen = {canonical(value_at(run[tie.source].args, tie.to)) for run in group[:50]}
    return len(seen) > 1
