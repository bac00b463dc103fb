"""assemble(decide(plan)) == plan, for any plan that a domain's language can write."""

from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bb_core import discover
from bb_core.actions import (
    Candidates,
    Choose,
    Copy,
    Decision,
    Fill,
    Filled,
    Refer,
    Skip,
    Space,
    Write,
    assemble,
    candidates,
    decide,
    learn_constants,
    offered,
)
from bb_core.check import check
from bb_core.compiled import compile_domain
from bb_core.errors import PlanError
from bb_core.next_step import NextStep
from bb_core.numbered import numbered
from bb_core.offer import tools_of
from bb_core.plan import Plan
from bb_core.sample import draw_language
from bb_core.saying import literals
from bb_core.scene import Scene, scene
from bb_core.slots import Slot
from bb_core.state import State
from bb_core.verdict import Refused
from tests.unit.till import till


@cache
def space(name: str) -> Space:
    return Space.of(till() if name == "till" else compile_domain(discover().get(name)))


@cache
def language(name: str) -> NextStep:
    compiled = space(name).compiled
    return NextStep(compiled.surface, compiled.schema)


def random_plan(name: str, rng: Random) -> Plan:
    """A plan drawn from the domain's language: any tools, values, references, conditions."""
    text, tools = "", tuple[str, ...]()
    while True:
        drawn = draw_language(rng, language(name).segment(tools).language)
        text += drawn
        try:
            return space(name).compiled.parse(text)
        except PlanError:
            tools = (*tools, language(name).tool(tools, drawn))


def random_scene(name: str, plan: Plan, rng: Random) -> Scene:
    """A scene that says most of the plan's values, in any order, among other words."""
    said = []
    for step in plan.steps:
        for slot, value in literals(space(name), step):
            if rng.random() < 0.8:
                said.append(f"{value} cents" if "x-read" in slot.schema else str(value))
    rng.shuffle(said)
    return scene(" and ".join(["do", *said]))


@pytest.mark.parametrize("name", ["till", "api_json"])
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_deciding_and_assembling_are_inverse(name: str, seed: int) -> None:
    rng = Random(seed)
    plan = random_plan(name, rng)
    seen = random_scene(name, plan, rng)
    constants = learn_constants(space(name), [(seen, plan)], least=1)
    learnt = Space.of(space(name).compiled, constants=constants)
    starts = sorted({0, *(rng.randrange(len(seen.text)) for _ in range(rng.randrange(4)))})
    decisions = decide(learnt, seen, plan, starts)
    assert assemble(learnt, seen, decisions) == numbered(plan)
    assert [d.clause for d in decisions] == sorted(d.clause for d in decisions)


@pytest.mark.parametrize("name", ["till", "api_json"])
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_whatever_is_built_within_the_masks_is_of_the_language(name: str, seed: int) -> None:
    rng = Random(seed)
    seen = random_scene(name, random_plan(name, rng), rng)
    decisions: tuple[Decision, ...] = ()
    for _ in range(rng.randint(1, 5)):
        decisions += any_decision(space(name), seen, decisions, rng)
    plan = assemble(space(name), seen, decisions)
    compiled = space(name).compiled
    if plan.steps:
        assert compiled.parse(compiled.print(plan)) == plan
        verdict = check(compiled, plan, State(request=seen.request))
        rules = {v.rule for v in verdict.violations} if isinstance(verdict, Refused) else set()
        assert not rules & {"S.type", "S.pointer", "S.unknown-tool", "S.dangling", "S.args"}


def any_decision(
    space: Space, seen: Scene, before: tuple[Decision, ...], rng: Random
) -> tuple[Decision, ...]:
    """A decision that the masks allow; none where a slot cannot be filled."""
    open_ = [i for i, may in enumerate(offered(space, seen, before)) if may]
    skill, filled = rng.choice(open_), list[tuple[Slot, Filled]]()
    for slot in space.slots(skill):
        may = candidates(space, seen, before, slot, filled)
        fills = any_fills(may, slot, seen, rng)
        if fills is None:
            return ()
        filled.append((slot, fills))
    count = len(tools_of(space, before))
    after = tuple(sorted({rng.randrange(count) for _ in range(rng.randrange(3))})) if count else ()
    return (Decision(skill, tuple(fill for _, fill in filled), after),)


def any_fills(may: Candidates, slot: Slot, seen: Scene, rng: Random) -> Filled | None:
    if may.skip and (may == Candidates(skip=True) or rng.random() < 0.3):
        return Skip()
    items: list[Fill] = [Copy(s.start, s.end) for s in may.spans]
    items += [Choose(i) for i in range(may.choices)]
    whole: list[Fill] = [Refer(*r) for r in may.refers if r[2]]
    items += [Refer(*r) for r in may.refers if not r[2]]
    items += [Write("so be it")] if may.write else []
    if whole and (not items or rng.random() < 0.2):
        return rng.choice(whole)
    if not items:
        return None
    if not slot.many:
        return rng.choice(items)
    return tuple(rng.choice(items) for _ in range(rng.randint(max(1, slot.least), slot.most)))
