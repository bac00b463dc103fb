"""A client's plans as one run: state is carried, consent is waited for, and nothing is assumed."""

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from typing import Any

import pytest

from bb_core.compiled import compile_domain
from bb_core.record import Record, no_ledger
from bb_core.registry import discover
from bb_domains.api_json.tool_adapters import ADAPTERS
from bb_domains.api_json.world import ShopWorld
from bb_infra.plan_session import PlanSession, Question, Told
from bb_runtime.approve import Decision
from bb_runtime.execute import execute
from bb_runtime.job import Settings
from bb_runtime.onestep import STOPPED
from bb_runtime.rounds import Runner

WHO = {"id": "n1", "tool": "find_user_by_email", "args": {"email": "dmitri.novak@example.com"}}
ORDER = {"id": "n2", "tool": "get_order", "args": {"order_id": "W1119"}, "after": ["n1"]}
ASK = {"id": "n3", "tool": "confirm", "args": {"question": "Refund?"}, "after": ["n2"]}
TERMS = {"order_id": "W1119", "item_id": "i0422", "cents": 7949, "method": "original"}
REFUND = {"id": "n4", "tool": "create_refund", "args": TERMS, "after": ["n3"]}
WHOLE = [WHO, ORDER, ASK, REFUND]


@pytest.fixture
def session(world: ShopWorld) -> Iterator[PlanSession]:
    """A session on the real shop, whose person answers within a second or not at all."""
    home = compile_domain(discover().get("api_json"))
    made = PlanSession(home, answer_s=1.0)

    def carry_out(checked: Any, run: str, note: Any) -> Any:
        settings = Settings(stopped=made.stopped)
        return execute(checked, ADAPTERS, world, approve=made.approve, run=run, settings=settings)

    made.runner = Runner(home, (), carry_out, no_ledger, "test", rounds=1)
    yield made


def end(session: PlanSession, plan: Any, **more: Any) -> Told:
    """The end of a plan that asks nobody."""
    told = session.begin(plan, **more).next()
    assert isinstance(told, Told)
    return told


def rules(told: Told) -> set[str]:
    rows: Any = told.body["violations"]
    return {row["rule"] for row in rows}


def test_only_check_does_nothing_and_uses_no_round(session: PlanSession) -> None:
    for _ in range(9):
        told = end(session, WHOLE, only_check=True)
        assert (told.body["end"], told.bad) == ("checked", False)
    assert session.state.rounds == 0


def test_what_one_plan_established_holds_for_the_next(session: PlanSession) -> None:
    assert end(session, [WHO]).body["end"] == "done"
    looked = end(session, [ORDER | {"after": []}])
    assert looked.body["end"] == "done"
    assert rules(end(session, [WHO])) == {"T.authenticated"}


def test_consent_is_waited_for_and_given_to_exactly_what_was_shown(
    session: PlanSession, world: ShopWorld
) -> None:
    work = session.begin(WHOLE)
    asked = work.next()
    assert isinstance(asked, Question)
    assert "cents = 7949" in asked.text
    assert rules(end(session, [WHO])) == {"S.busy"}  # nothing else meanwhile
    asked.reply.put(Decision(True, "client"))
    told = work.next()
    assert isinstance(told, Told)
    assert told.body["end"] == "done"
    refunds: Any = world.snapshot()
    assert [row["cents"] for row in refunds["refunds"].values()] == [7949]


def test_no_answer_in_time_is_no(session: PlanSession, world: ShopWorld) -> None:
    before = world.snapshot()
    work = session.begin(WHOLE)
    assert isinstance(work.next(), Question)
    told = work.next()
    assert isinstance(told, Told)
    assert told.bad
    steps: Any = told.body["steps"]
    assert "no answer within 1 s" in steps[2]["why"]
    assert world.snapshot() == before
    assert end(session, [ORDER | {"after": []}]).body["end"] == "done"  # and the session goes on


def test_a_plan_that_is_stopped_while_it_asks_has_its_no_at_once(
    session: PlanSession, world: ShopWorld
) -> None:
    before, session.answer_s = world.snapshot(), 60.0
    work = session.begin(WHOLE)
    assert isinstance(work.next(), Question)
    session.stop()
    told = work.events.get(timeout=10)
    assert isinstance(told, Told) and told.bad
    steps: Any = told.body["steps"]
    assert steps[2]["why"] == "not approved by client: the plan was cancelled"
    assert world.snapshot() == before
    assert end(session, [ORDER | {"after": []}]).body["end"] == "done"  # the next is its own


def test_a_plan_that_is_stopped_begins_no_further_step(
    session: PlanSession, world: ShopWorld
) -> None:
    before = world.snapshot()
    work = session.begin(WHOLE)
    asked = work.next()
    assert isinstance(asked, Question)
    work.stopped.set()
    asked.reply.put(Decision(True, "client"))  # the consent is given all the same
    told = work.events.get(timeout=10)
    assert isinstance(told, Told) and told.bad
    steps: Any = told.body["steps"]
    assert (steps[3]["status"], steps[3]["why"]) == ("refused", STOPPED)
    assert world.snapshot() == before
    assert not session.stopped()


def test_a_session_has_as_many_rounds_as_the_domain_allows(session: PlanSession) -> None:
    read = {"id": "n1", "tool": "list_products", "args": {"category": "garden"}}
    for _ in range(session.compiled.schema.limits.rounds):
        assert end(session, [read]).body["end"] == "done"
    assert rules(end(session, [read])) == {"B.rounds"}


def nested(levels: int) -> Any:
    return reduce(lambda inner, _: [inner], range(levels), WHO)


@pytest.mark.parametrize(
    "plan",
    [None, 7, "", "x", {}, [], [1], {"steps": [{"id": 1}]}, "[" * 9999, nested(62), nested(900),
     nested(5000), [WHO] * 4097],
)  # fmt: skip
def test_what_is_no_plan_is_refused_and_leaves_the_session_open(
    session: PlanSession, plan: Any
) -> None:
    told = end(session, plan)
    assert told.bad
    assert told.body["end"] == "refused"
    assert session.begin(plan, only_check=True).events.get(timeout=30).body["end"] == "refused"
    assert end(session, [WHO]).body["end"] == "done"


def test_a_session_whose_ledger_failed_takes_no_further_plan(session: PlanSession) -> None:
    def full(record: Record) -> None:
        raise OSError(28, "No space left on device")

    assert session.runner is not None
    session.runner = replace(session.runner, ledger=full)
    told = end(session, [WHO])
    assert (told.body["end"], told.bad) == ("failed", True)
    assert "No space left" in str(told.body["why"])
    session.runner = replace(session.runner, ledger=no_ledger)
    assert rules(end(session, [WHO])) == {"S.broken"}
