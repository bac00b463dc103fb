"""Laws every verdict keeps, over random plans of the till."""

import dataclasses
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bb_core.check import check
from bb_core.effects import Effect
from bb_core.mutants import Gold, mutants
from bb_core.plan import Plan, Ref, Step, When, from_json, needs, refs, to_json
from bb_core.state import State
from bb_core.verdict import Checked, Refused, Verdict
from tests.unit.till import till

TOOLS = [*till().schema.tools, "unknown"]
IDS = [f"n{i}" for i in range(1, 7)]
LITERALS: list[Any] = [
    "a1",
    "a2",
    "p1",
    "c1",
    "Ana",
    50,
    55,
    900,
    "cash",
    True,
    None,
    "x",
    ["a1"],
    {"a": 1},
]
NAMES = ["name", "account", "text", "cents", "method", "label", "why"]
ref = st.builds(
    Ref,
    st.sampled_from(IDS),
    st.sampled_from(["", "/person", "/account", "/balance", "/note", "/mail", "/cards/0"]),
)
value = st.one_of(st.sampled_from(LITERALS), ref, st.lists(ref, max_size=2))
when = st.none() | st.builds(
    When, ref, st.sampled_from(["==", "<"]), st.sampled_from([True, 5, "x"])
)
step = st.builds(
    Step,
    id=st.sampled_from(IDS),
    tool=st.sampled_from(TOOLS),
    args=st.dictionaries(st.sampled_from(NAMES), value, max_size=3),
    after=st.lists(st.sampled_from(IDS), max_size=2).map(tuple),
    when=when,
)
anything = st.lists(step, max_size=6).map(lambda steps: Plan("till", till().digest, tuple(steps)))


@st.composite
def likely(draw: st.DrawFn) -> Plan:
    """Plans right in shape and often in every other way: a good plan with a few changes."""
    steps = [
        Step("n1", "who", {"name": "Ana"}),
        Step("n2", "look", {"account": draw(st.sampled_from(["a1", "a2"]))}, ("n1",)),
        Step("n3", "ask", {"text": "Pay?"}, ("n2",)),
        Step(
            "n4",
            "pay",
            {"account": "a1", "cents": draw(st.sampled_from([5, 50, 52])), "method": "cash"},
            ("n3",),
        ),
        Step(
            "n5",
            "post",
            {"text": draw(st.sampled_from(["paid", Ref("n2", "/mail"), Ref("n2", "/note")]))},
            ("n4",),
        ),
    ]
    drop = draw(st.sets(st.sampled_from(IDS[:5]), max_size=1))
    kept = [
        dataclasses.replace(s, after=tuple(a for a in s.after if a not in drop))
        for s in steps
        if s.id not in drop
    ]
    return Plan("till", till().digest, tuple(kept))


plans = st.one_of(anything, likely())


def judge(plan: Plan, state: State | None = None) -> Verdict:
    return check(till(), plan, state)


def rules(verdict: Verdict) -> frozenset[str]:
    return verdict.rules if isinstance(verdict, Refused) else frozenset()


@given(plans)
@settings(max_examples=400)
def test_every_plan_gets_a_verdict(plan: Plan) -> None:
    verdict = judge(plan)
    assert isinstance(verdict, Checked) or verdict.violations


@given(plans)
def test_a_plan_survives_its_json(plan: Plan) -> None:
    assert from_json(to_json(plan)) == plan


@given(plans, st.randoms())
def test_the_order_steps_are_written_in_decides_nothing(plan: Plan, random: Any) -> None:
    turned = list(plan.steps)
    random.shuffle(turned)
    assert rules(judge(dataclasses.replace(plan, steps=tuple(turned)))) == rules(judge(plan))


@given(plans)
def test_names_of_steps_decide_nothing(plan: Plan) -> None:
    def renamed(v: Any) -> Any:
        if isinstance(v, Ref):
            return Ref(new(v.step), v.pointer)
        return [renamed(i) for i in v] if isinstance(v, list) else v

    def new(ident: str) -> str:
        return "z" + str(9 - int(ident[1:]))

    steps = tuple(
        Step(
            new(s.id),
            s.tool,
            {k: renamed(v) for k, v in s.args.items()},
            tuple(map(new, s.after)),
            dataclasses.replace(s.when, ref=renamed(s.when.ref)) if s.when else None,
        )
        for s in plan.steps
    )
    assert rules(judge(dataclasses.replace(plan, steps=steps))) == rules(judge(plan))


@given(plans)
def test_a_run_with_more_behind_it_is_never_judged_more_kindly(plan: Plan) -> None:
    tired = State(spent={"paid": 590}, tools=frozenset({"give_up"}), writes=1, steps=3, rounds=1)
    if isinstance(judge(plan), Refused):
        assert isinstance(judge(plan, tired), Refused)


@given(likely())
def test_irreversible_steps_of_a_checked_plan_were_asked_about_and_come_last(plan: Plan) -> None:
    verdict = judge(plan)
    if not isinstance(verdict, Checked):
        return
    tools = till().schema.tools
    for s in verdict.plan.steps:
        if tools[s.tool].effect is Effect.IRREVERSIBLE:
            assert any(g.kind == "approval" for g in verdict.guards_of(s.id))
            above = verdict.graph.ancestors[s.id]
            reads = [o for o in verdict.plan.steps if not tools[o.tool].effect.acts]
            assert all(o.id in above or s.id in verdict.graph.ancestors[o.id] for o in reads)


@given(likely())
def test_every_reference_of_a_checked_plan_is_to_an_ancestor(plan: Plan) -> None:
    verdict = judge(plan)
    if isinstance(verdict, Checked):
        for s in verdict.plan.steps:
            assert needs(s) <= verdict.graph.ancestors[s.id]
            assert all(r.step in verdict.graph.ancestors[s.id] for _, r in refs(s.args))


GOOD = Plan(
    "till",
    till().digest,
    (
        Step("n1", "who", {"name": "Ana"}),
        Step("n2", "look", {"account": "a1"}, ("n1",)),
        Step("n3", "ask", {"text": "Pay?"}, ("n2",)),
        Step("n4", "pay", {"account": "a1", "cents": 50, "method": "cash"}, ("n3",)),
    ),
)
LOOKED = {
    "account": "a1",
    "owner": "p1",
    "balance": 80,
    "note": "",
    "mail": "",
    "open": True,
    "cards": [],
}


def test_static_mutants_of_a_good_plan_are_all_refused() -> None:
    results = {"n1": {"person": "p1"}, "n2": LOOKED, "n3": {"approved": True}, "n4": None}
    made = list(mutants(Gold(till().schema, GOOD, results, {"Account": ["a2"], "Cents": [55]})))
    static = {
        "cycle",
        "dangling",
        "unauthenticated",
        "unconfirmed",
        "unobserved",
        "race",
        "changed-after-consent",
        "wrong-type",
        "bad-enum",
    }
    assert static <= {m.kind for m in made}
    for mutant in made:
        if mutant.kind in static:
            assert isinstance(judge(mutant.plan, State(approvals=mutant.approvals)), Refused), (
                mutant.kind
            )
