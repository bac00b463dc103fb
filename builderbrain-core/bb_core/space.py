"""The space a builder decides in: a domain's skills, their slots, the constants learnt for them.

Not covered: which constants are right; a constant is offered wherever its slot is.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from bb_core.canonical import Json, digest_json
from bb_core.compiled import Compiled
from bb_core.errors import PlanError
from bb_core.fit import at as schema_at
from bb_core.plan import tokens
from bb_core.schema import PlanSchema
from bb_core.skill import Path, Skill, plain, skill_json
from bb_core.slots import Slot, leaf, slots_of

Place = tuple[str, Path]
"""A tool and one of its slots; the value of a condition stands at (tool, (pointer,))."""


@dataclass(frozen=True)
class Space:
    """A domain as a builder sees it. Plain skills come first, in the order of the schema.

    `barred` skills keep their places and are never offered.
    """

    compiled: Compiled
    skills: tuple[Skill, ...]
    constants: Mapping[Place, tuple[Json, ...]] = field(default_factory=dict)
    barred: frozenset[int] = frozenset()
    kept: dict[tuple[frozenset[str], tuple[str, ...]], frozenset[str]] = field(
        default_factory=dict, compare=False, repr=False
    )
    """What may follow, by facts and tools before: a matter of speed alone."""

    @classmethod
    def of(
        cls,
        compiled: Compiled,
        skills: Iterable[Skill] = (),
        constants: Mapping[Place, Sequence[Json]] | None = None,
    ) -> "Space":
        """The space of a domain with composite skills; raises PlanError for one it has no tool for.

        `constants` are values that plans hold and no scene says; see `learn_constants`.
        """
        extra = tuple(skills)
        for skill in extra:
            missing = [tool for tool in skill.tools if tool not in compiled.schema.tools]
            if missing or not skill.composite:
                found = f"no tool {missing[0]!r}" if missing else "one tool is no composite skill"
                raise PlanError(found, where=skill.name)
        plains = tuple(map(plain, compiled.schema.tools))
        learnt = {place: tuple(values) for place, values in (constants or {}).items()}
        return cls(compiled, plains + extra, learnt)

    def without(self, *names: str) -> "Space":
        """The space with these skills barred; raises PlanError for a name it has not."""
        places = {skill.name: place for place, skill in enumerate(self.skills)}
        missing = [name for name in names if name not in places]
        if missing:
            raise PlanError(f"no skill {missing[0]!r}", where=self.compiled.name)
        barred = self.barred | {places[name] for name in names}
        return Space(self.compiled, self.skills, self.constants, barred)

    @property
    def schema(self) -> PlanSchema:
        """The domain's plan schema."""
        return self.compiled.schema

    @cached_property
    def tool_slots(self) -> Mapping[str, tuple[Slot, ...]]:
        """All slots of each tool."""
        return {
            tool: tuple(self._known(slot) for slot in slots_of(self.schema, tool))
            for tool in self.schema.tools
        }

    @cached_property
    def skill_slots(self) -> tuple[tuple[Slot, ...], ...]:
        """The slots each skill is to be filled at: those of its tools that no tie fills."""
        return tuple(tuple(self._open(skill)) for skill in self.skills)

    @cached_property
    def result_keys(self) -> Mapping[str, str]:
        """Each tool's result schema as text."""
        tools = self.schema.tools
        return {tool: json.dumps(self.schema.result(tool), sort_keys=True) for tool in tools}

    @cached_property
    def plain_of(self) -> Mapping[str, int]:
        """The plain skill of each tool."""
        return {tool: index for index, tool in enumerate(self.schema.tools)}

    def slots(self, skill: int) -> tuple[Slot, ...]:
        """The slots of one skill, in the order its decision fills them."""
        return self.skill_slots[skill]

    def result_slot(self, tool: str, pointer: str) -> Slot | None:
        """What a condition on this place of a tool's result is compared with; None: no such place.

        It has the schema of that place.
        """
        schema = schema_at(self.schema.result(tool), tokens(pointer))
        return None if schema is None else self._known(leaf(tool, (pointer,), schema))

    @cached_property
    def digest(self) -> str:
        """The hash of all of it: domain, composite skills, constants, what is barred."""
        composites: list[Json] = [skill_json(s) for s in self.skills if s.composite]
        rows = sorted(self.constants.items(), key=lambda row: row[0])
        constants: list[Json] = [[tool, list(path), list(v)] for (tool, path), v in rows]
        barred: list[Json] = [*sorted(self.barred)]
        whole: list[Json] = [self.compiled.digest, composites, constants]
        return digest_json([*whole, barred] if barred else whole)

    def _open(self, skill: Skill) -> list[Slot]:
        tied = {(tie.member, tie.path) for tie in skill.same}
        tied |= {(link.member, link.path) for link in skill.refers}
        return [
            replace(slot, member=member)
            for member, tool in enumerate(skill.tools)
            for slot in self.tool_slots[tool]
            if not any((member, slot.path[:n]) in tied for n in range(1, len(slot.path) + 1))
        ]

    def _known(self, slot: Slot) -> Slot:
        return slot.with_choices(self.constants.get((slot.tool, slot.path), ()))
