"""A skill: what a builder emits. One tool, or several that belong together.

    cancel = Skill("get_order+confirm+cancel_order", ("get_order", "confirm", "cancel_order"),
                   same=(Tie(2, ("order_id",), 0, ("order_id",)),), after=((), (0,), (1,)))

A composite skill makes a step for each of its tools. What its slots share is said once: a later
slot equals an earlier one (`same`) or refers to an earlier result (`refers`). Its inner edges are
its own; what the whole waits for, its first steps wait for.
"""

from dataclasses import dataclass
from typing import Any

from bb_core.canonical import Json, digest_json
from bb_core.errors import PlanError

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tie:
    """The slot `path` of member `member` equals the slot `to` of the earlier member `source`."""

    member: int
    path: Path
    source: int
    to: Path


@dataclass(frozen=True, slots=True)
class Link:
    """The slot `path` of member `member` refers to `pointer` in the result of member `source`."""

    member: int
    path: Path
    source: int
    pointer: str


@dataclass(frozen=True, slots=True)
class Skill:
    """A tool, or tools in the order of their steps.

    `after[i]`: the members that member i waits for besides those it refers to.
    """

    name: str
    tools: tuple[str, ...]
    same: tuple[Tie, ...] = ()
    refers: tuple[Link, ...] = ()
    after: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if not self.tools:
            raise PlanError("a skill has at least one tool", where=self.name)
        inner = [(tie.member, tie.source) for tie in self.same]
        inner += [(link.member, link.source) for link in self.refers]
        inner += [(i, s) for i, group in enumerate(self.after) for s in group]
        if any(not 0 <= source < member < len(self.tools) for member, source in inner):
            raise PlanError("a member may only build on earlier members", where=self.name)

    @property
    def composite(self) -> bool:
        """Whether it makes more than one step."""
        return len(self.tools) > 1

    @property
    def digest(self) -> str:
        """The skill's hash: sha256 over its canonical JSON."""
        return digest_json(skill_json(self))

    def waits(self, member: int) -> frozenset[int]:
        """The members a member waits for, by edge or by reference."""
        linked = {link.source for link in self.refers if link.member == member}
        return frozenset(linked.union(self.after[member] if self.after else ()))

    @property
    def roots(self) -> tuple[int, ...]:
        """The members that wait for no other: they wait for what the whole skill waits for."""
        return tuple(i for i in range(len(self.tools)) if not self.waits(i))


def plain(tool: str) -> Skill:
    """The skill that is one tool."""
    return Skill(tool, (tool,))


def skill_json(skill: Skill) -> dict[str, Json]:
    """The skill as JSON; `read_skill` reads it back to an equal skill."""
    same: list[Json] = [[t.member, list(t.path), t.source, list(t.to)] for t in skill.same]
    refers: list[Json] = [[r.member, list(r.path), r.source, r.pointer] for r in skill.refers]
    after: list[Json] = [list(group) for group in skill.after]
    return {
        "name": skill.name,
        "tools": list(skill.tools),
        "same": same,
        "refers": refers,
        "after": after,
    }


def read_skill(data: Any) -> Skill:
    """The skill `skill_json` wrote; raises PlanError for anything else."""
    try:
        return Skill(
            name=str(data["name"]),
            tools=tuple(data["tools"]),
            same=tuple(Tie(m, tuple(path), s, tuple(to)) for m, path, s, to in data["same"]),
            refers=tuple(Link(m, tuple(path), s, to) for m, path, s, to in data["refers"]),
            after=tuple(tuple(group) for group in data["after"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PlanError(f"this is no skill ({type(error).__name__}: {error})") from error
