"""The run loop on the real shop: who is asked when, what is carried on, and what ends a run."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pytest

from bb_core.canonical import Json, digest_json
from bb_core.compiled import Compiled, compile_domain
from bb_core.record import Record
from bb_core.registry import discover
from bb_core.state import State
from bb_core.state_diff import state_diff
from bb_core.verdict import Checked, Refused
from bb_domains.api_json.tool_adapters import ADAPTERS
from bb_domains.api_json.world import ShopWorld, twin
from bb_runtime.approve import Approver, by_policy
from bb_runtime.errors import PromptError
from bb_runtime.execute import execute
from bb_runtime.job import Settings
from bb_runtime.outcome import RunResult
from bb_runtime.rounds import Ask, Draft, Execute, Planner, Run, Runner

Steps = list[dict[str, Any]]
YES = by_policy(lambda request: True)


def step(ident: str, tool: str, *after: str, **args: Any) -> dict[str, Any]:
    return {"id": ident, "tool": tool, "args": args, **({"after": list(after)} if after else {})}


WHO = step("n1", "find_user_by_email", email="dmitri.novak@example.com")
ORDER = step("n2", "get_order", "n1", order_id="W1119")
LOOK = [WHO, ORDER]
CONFIRM = step("n3", "confirm", "n2", question="Refund?")


def refund(ident: str, *after: str, item: str = "i0422", cents: Any = 7949) -> dict[str, Any]:
    what = {"order_id": "W1119", "item_id": item, "cents": cents, "method": "original"}
    return step(ident, "create_refund", *after, **what)


REFUND = [*LOOK, CONFIRM, refund("n4", "n3")]
SECOND = [step("n1", "confirm", question="Refund?"), refund("n2", "n1")]
NO_CONSENT = [*LOOK, refund("n3", "n2")]
NOBODY_KNOWN = [step("n1", "get_order", order_id="W1119")]
MESSAGE = step("n5", "notify_customer", "n4", user_id="u039", text="It is done.")
DOWN = {"operation": "notify_customer", "kind": "unavailable"}


@cache
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


@pytest.fixture(scope="module")
def lent() -> Iterator[ShopWorld]:
    world = twin({})
    yield world
    world.close()


@pytest.fixture
def world(lent: ShopWorld) -> ShopWorld:
    lent.reset({})
    lent.trouble()
    return lent


class Scripted:
    """A planner that knows its plans beforehand, and keeps what it was asked."""

    def __init__(self, *plans: Steps | str, name: str = "scripted", closed: bool = False) -> None:
        self.plans, self.name, self.closed = list(plans), name, closed
        self.asked: list[Ask] = []

    def __call__(self, ask: Ask) -> Draft:
        self.asked.append(ask)
        plan = self.plans.pop(0)
        text = plan if isinstance(plan, str) else shop().print(shop().read(plan))
        return Draft(text, self.closed, self.name)


def carrying(world: ShopWorld, approve: Approver) -> Execute:
    quick = Settings(backoff_s=0.001)

    def carry(checked: Checked, run: str, note: Mapping[str, Json]) -> RunResult:
        return execute(
            checked, ADAPTERS, world, approve=approve, settings=quick, run=run, note=note
        )

    return carry


def runner(
    world: ShopWorld,
    planners: Sequence[Planner],
    ledger: Callable[[Record], None] = lambda record: None,
    **more: Any,
) -> Runner:
    more = {"execute": carrying(world, YES)} | more
    return Runner(shop(), planners, ledger=ledger, artifact="sha256:0", **more)


def run(world: ShopWorld, *plans: Steps | str, request: str = "", **more: Any) -> Run:
    return runner(world, [Scripted(*plans)], **more).run("r", request)


def rules(done: Run) -> set[str]:
    verdict = done.rounds[-1].attempts[-1].verdict
    return set(verdict.rules) if isinstance(verdict, Refused) else set()


def statuses(done: Run, number: int = -1) -> list[str]:
    result = done.rounds[number].result
    return [out.status for out in result.outcomes.values()] if result else []


def refunds(world: ShopWorld) -> Any:
    state: Any = world.snapshot()
    return [(r["item_id"], r["cents"]) for r in state["refunds"].values()]


def test_a_refused_plan_is_asked_for_again_with_the_reasons(world: ShopWorld) -> None:
    planner = Scripted(NO_CONSENT, REFUND)
    done = runner(world, [planner]).run("r", "Refund the speaker.")
    first, again = planner.asked
    assert (first.reasons, first.refused) == ((), "")
    assert (again.request, again.refused) == (
        "Refund the speaker.",
        shop().print(shop().read(NO_CONSENT)),
    )
    assert [reason.partition(":")[0] for reason in again.reasons] == ["A.approved"]
    assert (done.end, len(done.rounds), refunds(world)) == ("done", 1, [("i0422", 7949)])


def test_text_that_is_no_plan_is_a_refusal_like_any_other(world: ShopWorld) -> None:
    planner = Scripted('{"steps":[{"id":', REFUND)
    assert runner(world, [planner]).run("r", "").end == "done"
    (reason,) = planner.asked[1].reasons
    assert reason.startswith("S.syntax: ")
    assert "^" in reason


def test_the_fallback_planner_is_asked_third(world: ShopWorld) -> None:
    planner = Scripted(NO_CONSENT, NOBODY_KNOWN, name="tuned")
    base = Scripted(REFUND, name="base")
    done = runner(world, [planner, base]).run("r", "")
    drafts = [attempt.draft.planner for attempt in done.rounds[0].attempts]
    assert (drafts, done.end) == (["tuned", "tuned", "base"], "done")
    assert [reason.partition(":")[0] for reason in base.asked[0].reasons] == ["T.authenticated"]


def test_refused_three_times_nothing_runs_and_all_of_it_is_on_record(world: ShopWorld) -> None:
    before, ledger = world.snapshot(), list[Record]()
    planners = [Scripted(NO_CONSENT, NOBODY_KNOWN), Scripted(NO_CONSENT)]
    done = runner(world, planners, ledger.append).run("r", "")
    assert (done.end, statuses(done), done.state) == ("refused", [], State())
    assert state_diff(before, world.snapshot()) == {}
    kinds = [record.type for record in ledger]
    assert kinds == ["decoded", "verdict"] * 3 + ["done"]
    assert {r.body["verdict"] for r in ledger if r.type == "verdict"} == {"refused"}
    assert ledger[-1].body == {"end": "refused", "rounds": 0}


def test_a_request_that_does_not_fit_ends_in_a_refusal_and_nothing_runs(world: ShopWorld) -> None:
    def reads_little(ask: Ask) -> Draft:
        raise PromptError("the request is 9,000 tokens, 7,000 fit", fix="shorten it")

    before, ledger = world.snapshot(), list[Record]()
    base = Scripted(REFUND, name="base")
    done = runner(world, [reads_little, base], ledger.append).run("r", "Refund it.")
    assert (done.end, rules(done), base.asked) == ("refused", {"S.long"}, [])
    assert state_diff(before, world.snapshot()) == {}
    assert [record.type for record in ledger] == ["verdict", "done"]
    (violation,) = ledger[0].body["violations"]
    assert violation["found"] == digest_json("the request is 9,000 tokens, 7,000 fit")
    assert ledger[-1].body == {"end": "refused", "rounds": 0}


def test_what_a_round_saw_and_established_is_there_for_the_next(world: ShopWorld) -> None:
    planner = Scripted(LOOK, SECOND)
    done = runner(world, [planner]).run("r", "")
    seen = planner.asked[1].observations
    assert [(o.step, o.tool, o.status) for o in seen] == [
        ("n1", "find_user_by_email", "done"),
        ("n2", "get_order", "done"),
    ]
    assert seen[0].result == {"user_id": "u039"}
    assert (done.end, len(done.rounds), done.state.rounds) == ("done", 2, 2)
    # Its own write has made the second round's look at the order out of date.
    assert done.state.facts == {("authenticated", "u039")}
    assert done.state.spent == {"refund_cents": 7949}
    assert refunds(world) == [("i0422", 7949)]


def test_what_no_round_established_is_missing(world: ShopWorld) -> None:
    done = run(world, [WHO], SECOND, SECOND)
    assert (done.end, rules(done), refunds(world)) == ("refused", {"T.observed"}, [])


PRICES = {"i0422": {"price_cents": 30_000}, "i0581": {"price_cents": 20_000}}
DEAR = {"orders": {"W1119": {"paid_cents": 50_000, "total_cents": 50_000, "items": PRICES}}}
AGAIN = [step("n2", "get_order", order_id="W1119"), CONFIRM]


def test_sums_hold_over_the_whole_run_and_not_only_in_each_plan(world: ShopWorld) -> None:
    world.reset(DEAR)
    world.trouble(DOWN)
    first = [*LOOK, CONFIRM, refund("n4", "n3", cents=30_000), MESSAGE]
    more = [*AGAIN, refund("n4", "n3", item="i0581", cents=20_001)]
    done = run(world, first, more, more)
    assert statuses(done, 0) == ["done"] * 4 + ["failed"]
    assert (done.end, rules(done)) == ("refused", {"B.refund_cents"})
    assert refunds(world) == [("i0422", 30_000)]
    world.reset(DEAR)
    world.trouble(DOWN)
    less = [*AGAIN, refund("n4", "n3", item="i0581", cents=20_000)]
    assert run(world, first, less).end == "done"
    assert refunds(world) == [("i0422", 30_000), ("i0581", 20_000)]


def test_what_may_happen_once_may_not_happen_again_in_a_later_round(world: ShopWorld) -> None:
    world.trouble(DOWN)
    first = [*LOOK, CONFIRM, refund("n4", "n3"), MESSAGE]
    again = [*AGAIN, refund("n4", "n3", cents=1)]
    done = run(world, first, again, again)
    assert (done.end, rules(done), refunds(world)) == ("refused", {"B.once"}, [("i0422", 7949)])


def test_a_second_customer_is_refused_in_a_later_round_too(world: ShopWorld) -> None:
    other = [step("n1", "find_user_by_email", email="bianca.xu@example.com")]
    done = run(world, LOOK, other, other)
    assert (done.end, rules(done)) == ("refused", {"T.authenticated"})


@pytest.mark.parametrize(("cents", "rule"), [(7949, set()), (7948, {"A.approved"})])
def test_consent_holds_in_the_next_round_for_exactly_what_was_shown(
    world: ShopWorld, cents: int, rule: set[str]
) -> None:
    world.trouble({"operation": "create_refund", "kind": "unavailable", "times": 1})
    second = [refund("n1", cents=cents)]
    done = run(world, REFUND, second, second)
    assert statuses(done, 0) == ["done", "done", "done", "failed"]
    assert rules(done) == rule
    assert refunds(world) == ([] if rule else [("i0422", 7949)])


def test_withheld_consent_ends_the_run(world: ShopWorld) -> None:
    no = by_policy(lambda request: False)
    done = run(world, REFUND, execute=carrying(world, no))
    assert (done.end, refunds(world)) == ("refused", [])
    assert statuses(done) == ["done", "done", "refused", "not_run"]


def test_a_claim_that_was_read_is_no_amount_in_the_next_round(world: ShopWorld) -> None:
    look = [
        step("n1", "find_user_by_email", email="wanda.ullman@example.com"),
        step("n2", "get_order", "n1", order_id="W1096"),
    ]
    ask = step("n1", "confirm", question="Refund as claimed?")
    what = {"order_id": "W1096", "item_id": "i0372", "method": "original"}
    claimed = [ask, step("n2", "create_refund", "n1", cents=14_049, **what)]
    price = [ask, step("n2", "create_refund", "n1", cents=13_049, **what)]
    asked = "Refund item i0372 of order W1096."
    done = run(world, look, claimed, claimed, request=asked)
    assert (done.end, rules(done), refunds(world)) == ("refused", {"F.cents"}, [])
    assert run(world, look, price, request=asked).end == "done"


def test_the_same_plan_a_second_time_ends_the_run(world: ShopWorld) -> None:
    planner = Scripted(LOOK, LOOK, REFUND)
    done = runner(world, [planner]).run("r", "")
    assert (done.end, len(done.rounds), len(planner.plans)) == ("done", 1, 1)


def test_a_failure_said_twice_ends_the_run_as_failed(world: ShopWorld) -> None:
    world.trouble({"operation": "get_order", "kind": "unavailable"})
    assert run(world, LOOK, LOOK).end == "failed"


def test_a_parked_step_ends_the_run_as_parked(world: ShopWorld) -> None:
    lost = {"operation": "create_refund", "kind": "dropped"}
    world.trouble(lost, {"operation": "find_request", "kind": "unavailable"})
    done = run(world, REFUND)
    assert (done.end, statuses(done)) == ("parked", ["done", "done", "done", "parked"])
    # It may have happened, and here it has: the budget counts it.
    assert done.state.spent == {"refund_cents": 7949}


@pytest.mark.parametrize(("given", "most"), [(2, 2), (9, 4), (None, 4)])
def test_rounds_are_limited_by_the_caller_and_by_the_domain(
    world: ShopWorld, given: int | None, most: int
) -> None:
    looks = [
        [step("n1", "list_products", category=name)]
        for name in ("home", "audio", "garden", "office", "kitchen")
    ]
    planner = Scripted(*looks)
    done = runner(world, [planner], rounds=given).run("r", "")
    assert (done.end, len(done.rounds), len(planner.asked)) == ("done", most, most)


def test_a_plan_the_budget_ended_may_look_and_not_act(world: ShopWorld) -> None:
    done = runner(world, [Scripted(REFUND, REFUND, closed=True)]).run("r", "")
    assert (done.end, rules(done), refunds(world)) == ("refused", {"S.closed"}, [])
    looked = runner(world, [Scripted(LOOK, LOOK, closed=True)]).run("r", "")
    assert looked.end == "done"


def noted(notes: list[Any], inner: Execute) -> Execute:
    """An execution that also keeps its notes, as a run database would."""

    def carry(checked: Checked, ident: str, note: Mapping[str, Json]) -> RunResult:
        notes.append((checked.plan, json.loads(json.dumps(note))))
        return inner(checked, ident, note)

    return carry


def test_a_run_goes_on_from_its_note_as_if_nothing_had_been(world: ShopWorld) -> None:
    notes: list[Any] = []
    whole = run(world, LOOK, SECOND, execute=noted(notes, carrying(world, YES)))
    world.reset({})
    (_, _), (plan, note) = notes
    resumed = runner(world, []).resume("r", plan, note)
    assert (resumed.end, resumed.state) == (whole.end, whole.state)
    assert refunds(world) == [("i0422", 7949)]


def test_a_resumed_run_knows_the_plans_before_it(world: ShopWorld) -> None:
    notes: list[Any] = []
    other = [step("n1", "list_products", category="home")]
    run(world, LOOK, other, other, execute=noted(notes, carrying(world, YES)))
    planner = Scripted(LOOK, REFUND)
    done = runner(world, [planner]).resume("r", *notes[-1])
    assert (done.end, len(planner.plans)) == ("done", 1)
    assert [o.tool for o in planner.asked[0].observations] == [
        "find_user_by_email",
        "get_order",
        "list_products",
    ]


def test_a_plan_that_is_refused_when_resumed_leaves_the_run_open(world: ShopWorld) -> None:
    notes: list[Any] = []
    run(world, LOOK, SECOND, execute=noted(notes, carrying(world, YES)))
    world.reset({})
    ledger: list[Record] = []
    plan, note = notes[-1]
    note["state"]["facts"] = []
    done = runner(world, [], ledger.append).resume("r", plan, note)
    assert (done.end, refunds(world)) == ("refused", [])
    assert "T.observed" in rules(done)
    assert [record.type for record in ledger] == ["verdict"]


def test_a_given_plan_is_carried_out_or_refused(world: ShopWorld) -> None:
    alone = runner(world, [], rounds=1)
    assert alone.carry("r", shop().read(LOOK)).end == "done"
    assert alone.carry("r2", shop().read(REFUND)).end == "done"
    refused = alone.carry("r3", shop().read(NO_CONSENT))
    assert (refused.end, rules(refused)) == ("refused", {"A.approved"})
    assert refunds(world) == [("i0422", 7949)]
