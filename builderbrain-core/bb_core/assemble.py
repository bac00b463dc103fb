"""Decisions as the plan they make."""

from collections.abc import Mapping, Sequence
from typing import Any

from bb_core.decision import Choose, Condition, Copy, Decision, Fill, Filled, Refer, Skip, Write
from bb_core.errors import Inexpressible
from bb_core.next_step import step_id
from bb_core.plan import Plan, Ref, Step, Value, When
from bb_core.scene import Scene
from bb_core.skill import Path, Skill
from bb_core.slots import Slot, spelt_out
from bb_core.space import Space
from bb_core.spots import said


def assemble(space: Space, scene: Scene, decisions: Sequence[Decision]) -> Plan:
    """The plan the decisions make, its steps called n1, n2, ...

    Raises Inexpressible, with the step and the slot, for a place that says no value of the slot, a
    choice there is none of, and a reference to anything but an earlier step.
    """
    steps: list[Step] = []
    for decision in decisions:
        steps += _Expansion(space, scene, tuple(steps), decision).steps()
    return Plan(space.compiled.name, space.compiled.digest, tuple(steps))


class _Expansion:
    """One decision being made into steps, after those before it."""

    def __init__(
        self, space: Space, scene: Scene, before: tuple[Step, ...], decision: Decision
    ) -> None:
        self.space, self.scene, self.before, self.decision = space, scene, before, decision
        if not 0 <= decision.skill < len(space.skills):
            raise Inexpressible(f"no skill {decision.skill}", where=space.compiled.name)
        self.skill: Skill = space.skills[decision.skill]
        self.args: list[dict[str, Value]] = [{} for _ in self.skill.tools]

    def steps(self) -> list[Step]:
        slots = self.space.slots(self.decision.skill)
        if len(slots) != len(self.decision.fills):
            found = f"{len(self.decision.fills)} fills for {len(slots)} slots"
            raise Inexpressible(found, where=self.skill.name)
        for slot, fill in zip(slots, self.decision.fills, strict=True):
            self._fill(slot, fill)
        for member in range(len(self.skill.tools)):
            self._tie(member)
        return [self._step(member, tool) for member, tool in enumerate(self.skill.tools)]

    def _fill(self, slot: Slot, fill: Filled) -> None:
        if isinstance(fill, Skip):
            return
        path = slot.path
        if isinstance(fill, tuple):
            value: Value = [self._value(slot, item) for item in fill]
        else:
            value = self._value(slot, fill)
            if isinstance(fill, Refer) and fill.levels:
                path = slot.whole(fill.levels)
        put(self.args[slot.member], path, value)

    def _value(self, slot: Slot, fill: Fill) -> Value:
        match fill:
            case Choose(index) if 0 <= index < len(slot.choices):
                return slot.choices[index]
            case Choose(index):
                raise Inexpressible(f"no choice {index}", where=self._where(slot))
            case Refer(step, pointer):
                return self._ref(step, pointer, slot.member, str(slot))
            case Write(text):
                return text
            case Skip():
                raise Inexpressible("an item cannot be left out", where=self._where(slot))
            case Copy(start, end):
                return said(self.space.schema, self.scene, slot, start, end)

    def _ref(self, step: int, pointer: str, member: int, what: str) -> Ref:
        here = len(self.before) + member
        if not 0 <= step < here:
            raise Inexpressible(f"step {step} is not before step {here}", where=what)
        return Ref(step_id(step), pointer)

    def _tie(self, member: int) -> None:
        base = len(self.before)
        for link in self.skill.refers:
            if link.member == member:
                ref = Ref(step_id(base + link.source), link.pointer)
                put(self.args[member], link.path, ref)
        for tie in self.skill.same:
            if tie.member == member:
                value = get(self.args[tie.source], tie.to)
                if value is not None:
                    put(self.args[member], tie.path, value)

    def _step(self, member: int, tool: str) -> Step:
        base, decision = len(self.before), self.decision
        if decision.when and self.skill.composite:
            raise Inexpressible("a composite skill has no condition", where=self.skill.name)
        after = [base + inner for inner in self.skill.after[member]] if self.skill.after else []
        if member in self.skill.roots:
            if any(not 0 <= step < base for step in decision.after):
                raise Inexpressible("waits for a step that is not before it", where=tool)
            after += decision.after
        schema = self.space.schema
        args = {
            name: in_order(schema.arg(tool, name), self.args[member][name])
            for name in schema.tools[tool].args
            if name in self.args[member]
        }
        waits = tuple(step_id(step) for step in sorted(set(after)))
        when = self._when(decision.when) if decision.when else None
        return Step(step_id(base + member), tool, args, waits, when)

    def _when(self, condition: Condition) -> When:
        left = condition.left
        ref = self._ref(left.step, left.pointer, 0, "when")
        slot = self.space.result_slot(self.before[left.step].tool, left.pointer)
        if slot is None:
            raise Inexpressible(f"{ref} is not in that step's result", where="when")
        if isinstance(condition.right, Refer):
            raise Inexpressible("a condition compares with a plain value", where="when")
        return When(ref, condition.op, self._value(slot, condition.right))

    def _where(self, slot: Slot) -> str:
        return f"{step_id(len(self.before) + slot.member)} {slot}"


def put(args: dict[str, Value], path: Path, value: Value) -> None:
    """Set a value inside nested objects."""
    here: Any = args
    for name in path[:-1]:
        here = here.setdefault(name, {})
    here[path[-1]] = value


def get(args: Mapping[str, Value], path: Path) -> Value:
    """The value at a path, None where there is none."""
    here: Any = args
    for name in path:
        here = here.get(name) if isinstance(here, Mapping) else None
    return here


def in_order(schema: Mapping[str, Any], value: Value) -> Value:
    """The value with the keys of its objects in the order the schema declares them."""
    if not isinstance(value, Mapping) or not spelt_out(schema):
        return value
    inner = schema["properties"]
    return {name: in_order(inner[name], value[name]) for name in inner if name in value}
