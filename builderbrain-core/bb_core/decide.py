"""A plan as the decisions that make it; `assemble` is its inverse."""

from collections.abc import Iterator, Sequence

from bb_core.align import Traces, align, words
from bb_core.assemble import assemble
from bb_core.compose import composite_at
from bb_core.decision import Condition, Decision, Fill, Filled, Refer, Skip
from bb_core.errors import Inexpressible
from bb_core.numbered import numbered
from bb_core.offer import pointers
from bb_core.plan import Plan, Ref, Step, Value, When, needs, refs, value_json
from bb_core.saying import ABSENT, Saying, at_slot, literals, own_clause
from bb_core.scene import Scene
from bb_core.slots import Slot
from bb_core.space import Space
from bb_core.spots import places


def decide(
    space: Space, scene: Scene, plan: Plan, clauses: Sequence[int] = ()
) -> tuple[Decision, ...]:
    """The decisions that make a plan: assemble(space, scene, decide(space, scene, plan)) == plan.

    Steps build on earlier ones only. They are to be called n1, n2, ... and to list what they wait
    for in order; else the plan that comes back is the one that `numbered` gives. `clauses` are the
    characters at which clauses start. A value said more than once is copied from the step's own
    clause, or from near the step's other values. Composite skills are used wherever they make what
    the plan holds, the longest first. Raises Inexpressible with the step and the slot.
    """
    named = numbered(plan)
    decisions = tuple(_Deciding(space, scene, named.steps, clauses).all())
    if assemble(space, scene, decisions).steps != named.steps:
        found = "its decisions make another plan; it holds what the schema does not"
        raise Inexpressible(found, where=plan.domain)
    return decisions


class _Deciding:
    """A plan on its way to decisions; its steps are called n1, n2, ..."""

    def __init__(
        self, space: Space, scene: Scene, steps: tuple[Step, ...], clauses: Sequence[int]
    ) -> None:
        self.space, self.scene, self.steps, self.starts = space, scene, steps, tuple(clauses)
        for step in steps:
            if step.tool not in space.schema.tools:
                raise Inexpressible(f"no tool {step.tool!r}", where=step.id)
        self.index = {step.id: place for place, step in enumerate(steps)}
        self.clause = align(scene.request, self.starts, self._traces() if clauses else [])
        self.near: list[int] = []

    def all(self) -> Iterator[Decision]:
        """The decisions, in order."""
        at = 0
        while at < len(self.steps):
            composite = composite_at(self.space, self.steps, at)
            plain = self.space.plain_of[self.steps[at].tool]
            skill = plain if composite is None else composite
            yield self._decision(at, skill)
            at += len(self.space.skills[skill].tools)

    def _decision(self, at: int, skill: int) -> Decision:
        made = self.space.skills[skill]
        members = self.steps[at : at + len(made.tools)]
        clause = self.clause[at + len(members) - 1] if self.clause else 0
        span = own_clause(self.starts, clause, self.scene.request_end)
        saying = Saying(self.space, self.scene, span, self.near)
        fills = [self._fill(members[s.member], s, saying) for s in self.space.slots(skill)]
        root, inner = members[made.roots[0]], {step.id for step in members}
        after = tuple(self.index[ident] for ident in root.after if ident not in inner)
        when = members[0].when
        condition = self._condition(members[0], when, saying) if when else None
        self.near = [spot.start for spot in saying.copied] or self.near
        return Decision(skill, tuple(fills), after, condition, clause)

    def _fill(self, step: Step, slot: Slot, saying: Saying) -> Filled:
        value, levels = at_slot(step, slot)
        if value is ABSENT:
            if slot.optional:
                return Skip()
            raise Inexpressible("it is left out", where=f"{step.id} {slot}")
        if isinstance(value, Ref):
            # Another slot of the same object holds a reference that stands for the whole.
            whole = levels > len(slot.wholes)
            return Skip() if whole else self._refer(step, slot, value, levels)
        if not slot.many:
            return self._item(step, slot, value, saying)
        if not isinstance(value, list | tuple):
            raise Inexpressible(f"{value!r} is no list", where=f"{step.id} {slot}")
        return tuple(self._item(step, slot, item, saying) for item in value)

    def _item(self, step: Step, slot: Slot, value: Value, saying: Saying) -> Fill:
        if isinstance(value, Ref):
            return self._refer(step, slot, value, 0)
        if any(refs(value)):
            raise Inexpressible("a reference inside a value", where=f"{step.id} {slot}")
        return saying.say(slot, value_json(value), step.id)

    def _refer(self, step: Step, slot: Slot, ref: Ref, levels: int) -> Refer:
        source = self.index[ref.step]
        if ref.pointer not in pointers(self.space, self.steps[source].tool, slot, levels):
            found = f"{ref} does not fit"
            raise Inexpressible(found, where=f"{step.id} {slot}", fix="see the tool's returns")
        return Refer(source, ref.pointer, levels)

    def _condition(self, step: Step, when: When, saying: Saying) -> Condition:
        source = self.index[when.ref.step]
        slot = self.space.result_slot(self.steps[source].tool, when.ref.pointer)
        if slot is None:
            raise Inexpressible(f"{when.ref} is not in that step's result", where=step.id)
        right = saying.say(slot, when.value, f"{step.id} when")
        return Condition(Refer(source, when.ref.pointer), when.op, right)

    def _traces(self) -> list[Traces]:
        found: list[Traces] = []
        for place, step in enumerate(self.steps):
            before = self.steps[place - 1].id if place else ""
            behind = self.steps[place + 1] if place + 1 < len(self.steps) else None
            tool = self.space.schema.tools[step.tool]
            asks = tool.approves and behind is not None and step.id in needs(behind)
            said, hints = self._said(step)
            found.append(Traces(said, hints, before in needs(step), asks))
        return found

    def _said(self, step: Step) -> tuple[tuple[tuple[int, ...], ...], frozenset[str]]:
        """Where the step's values stand in the request, and words that hint at it."""
        said, hints = list[tuple[int, ...]](), words(step.tool.replace("_", " "))
        for slot, value in literals(self.space, step):
            if slot.kind == "closed":
                hints |= words(str(value).replace("_", " "))
                continue
            spots = places(self.space.schema, self.scene, slot, value)
            said.append(tuple(s.start for s in spots if s.end <= self.scene.request_end))
        return tuple(said), hints
