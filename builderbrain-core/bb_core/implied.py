"""The earlier steps a step has to wait for so that the checker lets it pass.

Not covered: obligations that no waiting can meet (a fact nobody establishes, a second consent), and
writes of an earlier step that ought to wait for this one; the checker says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bb_core.assemble import assemble
from bb_core.at import At, Case
from bb_core.decision import Decision
from bb_core.effects import Effect
from bb_core.graph import Graph, build
from bb_core.plan import Plan
from bb_core.scene import Scene
from bb_core.schema import FactCall, Tool
from bb_core.space import Space
from bb_core.state import State
from bb_core.terms import Term, literal
from bb_core.typestate import APPROVED


def implied_after(
    space: Space, scene: Scene, decisions: Sequence[Decision], following: Decision
) -> tuple[int, ...]:
    """The steps of these decisions that the next one must wait for, ascending.

    They establish the facts it requires, ask for the consent it needs, write what it reads or
    writes, or may fail before it does something that cannot be undone. Steps that it refers to, or
    that others of them wait for, are left out, except for the one that asks.
    """
    plan = assemble(space, scene, [*decisions, replace(following, after=())])
    count = len(space.skills[following.skill].tools)
    return implied_in(space, scene, plan, len(plan.steps) - count)


def implied_in(space: Space, scene: Scene, plan: Plan, base: int) -> tuple[int, ...]:
    """`implied_after` for the steps of a plan from `base` on, which wait for nothing yet."""
    graph = build(plan)
    assert isinstance(graph, Graph)
    case = Case(space.compiled, plan, graph, State(request=scene.request))
    return _New(case, base, scene.facts).waits()


class _New:
    """The last steps of a plan, from `base` on, and what they need of those before."""

    def __init__(self, case: Case, base: int, facts: frozenset[str]) -> None:
        self.case, self.facts = case, facts
        self.before = [case.at(step.id) for step in case.plan.steps[:base]]
        self.members = [case.at(step.id) for step in case.plan.steps[base:]]
        self.place = {step.id: place for place, step in enumerate(case.plan.steps[:base])}

    def waits(self) -> tuple[int, ...]:
        asked = {asker for one in self.members for asker in self._consent(one)}
        wanted = {ident for one in self.members for ident in self._wanted(one)} | asked
        graph = self.case.graph
        there = {a for one in self.members for a in graph.ancestors[one.step.id]}
        there |= {a for ident in wanted for a in graph.ancestors[ident]}
        return tuple(sorted(self.place[ident] for ident in (wanted - there) | asked))

    def _wanted(self, one: At) -> Iterator[str]:
        yield from self._facts(one)
        yield from (other.step.id for other in self.before if self._ordered(other, one))

    def _consent(self, one: At) -> Iterator[str]:
        """The last step that asks, unless one of the new steps asks for this one."""
        if APPROVED not in one.spec.requires:
            return
        tools = self.case.schema.tools
        if not any(tools[self.case.steps[ident].tool].approves for ident in one.step.after):
            yield from [other.step.id for other in self.before if other.spec.approves][-1:]

    def _facts(self, one: At) -> Iterator[str]:
        """For each fact it requires, who established it last, surely or else perhaps."""
        for call in map(FactCall.parse, one.spec.requires):
            if call.name == APPROVED or call.name in self.facts:
                continue
            held = [h for h in self.case.history.holders.get(call.name, ()) if h.step in self.place]
            wanted = one.term(call.term) if call.term else literal(None)
            alike = [h.step for h in held if not call.term or h.term.same(wanted) is True]
            maybe = [h.step for h in held if h.term.same(wanted) is None]
            found = alike or maybe
            yield from [max(found, key=self.place.__getitem__)] if found else []

    def _ordered(self, other: At, one: At) -> bool:
        """Whether the other's place before this one is more than chance."""
        mine, theirs = one.spec, other.spec
        if mine.approves and not theirs.effect.acts:
            return True  # what is asked about has to be known by then
        if mine.effect is Effect.IRREVERSIBLE and _fails(theirs):
            return True
        lost = mine.effect is Effect.WRITE and not mine.compensate
        if theirs.effect is Effect.IRREVERSIBLE and (_fails(mine) or lost):
            return True
        if mine.effect.acts and theirs.effect.acts and self._share(one, other):
            return True
        return self._ends(other, one) or self._ends(one, other)

    def _share(self, one: At, other: At) -> bool:
        mine, theirs = one.spec.entity, other.spec.entity
        if not mine or not theirs:
            return True
        return any(
            one.term(mine[name]).same(other.term(theirs[name])) is not False
            for name in mine.keys() & theirs.keys()
        )

    def _ends(self, writer: At, user: At) -> bool:
        """Whether the writer may end a fact that the user requires or establishes."""
        used = [FactCall.parse(c) for c in (*user.spec.requires, *user.spec.establishes)]
        for fact, path in self.case.schema.ends(writer.step.tool):
            for call in used:
                if call.name == fact and _alike(writer, path, user, call.term):
                    return True
        return False


def _fails(tool: Tool) -> bool:
    """Whether it only looks, and may fail."""
    return not tool.effect.acts and tool.fallible


def _alike(a: At, path: str, b: At, other: str) -> bool:
    mine: Term | None = a.term(path) if path else None
    theirs: Term | None = b.term(other) if other else None
    return mine is None or theirs is None or mine.same(theirs) is not False
