"""Laws of composite skills: what is mined, what it saves, and that nothing is lost by it."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb_core.actions import Inexpressible, Space, assemble, decide, offered
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import PlanError
from bb_core.numbered import numbered
from bb_core.plan import Plan, Ref, Step
from bb_core.registry import discover
from bb_core.scene import scene
from bb_train.skills.code_length import Said, code_length, mixture
from bb_train.skills.compose import Trace, compose, with_skill
from bb_train.skills.mine import mine, pattern_of


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("api_json"))


@pytest.fixture(scope="module")
def traces(compiled: Compiled) -> list[Trace]:
    """The first rounds of the battery that a space can express."""
    space, found = Space.of(compiled), []
    for task in compiled.battery:
        plan, seen = compiled.read(task.rounds[0]), scene(task.prompt)
        try:
            decide(space, seen, plan)
        except Inexpressible:
            continue
        found.append((seen, plan, ()))
    return found


@given(st.lists(st.integers(0, 3), max_size=12))
def test_the_mixture_is_the_adaptive_code(symbols: list[int]) -> None:
    """The closed form is the product of (n_k + a) / (N + K a), symbol by symbol."""
    nats, counts = 0.0, [0] * 4
    for symbol in symbols:
        nats -= log((counts[symbol] + 0.5) / (sum(counts) + 2.0))
        counts[symbol] += 1
    assert mixture(counts, 0.5) == pytest.approx(nats)


def test_composites_shorten_every_plan_and_lose_none(
    compiled: Compiled, traces: list[Trace]
) -> None:
    composed = compose(Space.of(compiled), traces, most=3, tries=4)
    lengths, decisions = [c.total for c in composed.lengths], composed.decisions
    assert len(composed.skills) == 3
    assert lengths == sorted(lengths, reverse=True) and len(set(lengths)) == 4
    assert decisions[-1] < 0.75 * decisions[0]
    plain, rich = Space.of(compiled), Space.of(compiled, composed.skills)
    for seen, plan, _ in traces:
        short, long = decide(rich, seen, plan), decide(plain, seen, plan)
        assert assemble(rich, seen, short) == numbered(plan)
        assert len(short) <= len(long)


def test_a_tie_is_what_varies_together(compiled: Compiled, traces: list[Trace]) -> None:
    """The order that is looked up is the order that is cancelled; a reason tied to nothing."""
    plans = [plan for _, plan, _ in traces]
    by_name = {m.skill.name: m.skill for m in mine(Space.of(compiled), plans)}
    skill = by_name["get_order+confirm+cancel_order"]
    assert [(t.member, t.path, t.source, t.to) for t in skill.same] == [
        (2, ("order_id",), 0, ("order_id",))
    ]
    assert skill.after == ((), (0,), (1,))
    slots = Space.of(compiled, [skill]).slots(-1)
    assert [str(slot) for slot in slots] == [
        "get_order.order_id", "confirm.question", "cancel_order.reason",
    ]  # fmt: skip


def test_what_is_used_too_seldom_is_not_kept(compiled: Compiled, traces: list[Trace]) -> None:
    """One use does not pay for the composite's own description."""
    skill = mine(Space.of(compiled), [plan for _, plan, _ in traces])[0].skill
    uses = [t for t in traces if len(decide(with_skill(Space.of(compiled), skill), *t)) < 3][:1]
    others = [t for t in traces if not {s.tool for s in t[1].steps} & set(skill.tools)]
    few = [*uses, *others[:5]]
    plain, rich = Space.of(compiled), with_skill(Space.of(compiled), skill)
    saved = code_length(plain, _said(plain, few)).total - code_length(rich, _said(rich, few)).total
    assert saved < 0


def _said(space: Space, traces: list[Trace]) -> list[Said]:
    return [(seen, decide(space, seen, plan, clauses)) for seen, plan, clauses in traces]


def test_a_barred_skill_is_never_offered(compiled: Compiled, traces: list[Trace]) -> None:
    """Everything else is offered as before, at every point of every plan."""
    space = Space.of(compiled)
    less = space.without("confirm", "get_order")
    gone = less.barred
    assert {space.skills[place].name for place in gone} == {"confirm", "get_order"}
    for seen, plan, _ in traces[::5]:
        decisions = decide(space, seen, plan)
        for at in range(len(decisions) + 1):
            before, after = (offered(s, seen, decisions[:at]) for s in (space, less))
            assert after == tuple(ok and i not in gone for i, ok in enumerate(before))
    assert less.digest != space.digest
    with pytest.raises(PlanError, match="no skill 'nothing'"):
        space.without("nothing")


def test_runs_that_no_composite_can_make() -> None:
    one = Step("n1", "a")
    outside = Step("n2", "b", after=("n1",))
    assert pattern_of([outside, Step("n3", "c", after=("n2", "n1"))]) is None
    assert pattern_of([one, Step("n2", "b", after=("n0",))]) is None
    linked = pattern_of([one, Step("n2", "b", {"x": {"y": Ref("n1", "/id")}})])
    assert linked is not None and linked.links[0].path == ("x", "y")


def test_plans_alone_are_enough_to_mine(compiled: Compiled) -> None:
    def plan(value: str) -> Plan:
        steps = (
            Step("n1", "get_order", {"order_id": value}),
            Step("n2", "get_order", {"order_id": value}, ("n1",)),
        )
        return Plan("api_json", compiled.digest, steps)

    space = Space.of(compiled)
    (found,) = mine(space, [plan(f"W100{i}") for i in range(9)])
    assert found.runs == 9 and len(found.skill.same) == 1
    (constant,) = mine(space, [plan("W1001")] * 9)
    assert constant.skill.same == ()
    assert mine(space, [plan("W1001")] * 7) == ()
