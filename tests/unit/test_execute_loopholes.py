"""Ways an effect could slip past the executor: one test for each."""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import pytest

from bb_core.adapters import Adapters, Call
from bb_core.canonical import Json
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.state import State
from bb_core.verdict import Checked
from bb_runtime.approve import Decision
from bb_runtime.execute import RunResult, execute
from bb_runtime.intent import Intent
from bb_runtime.job import Job, Settings
from bb_runtime.onestep import act
from bb_runtime.progress import Event
from tests.bank.domain import MEMORY, SCHEMA, Memory, bank
from tests.schema_source import SchemaSource
from tests.unit.test_execute import QUICK, YES, moved, run, statuses, step


def bank_with(**tools: dict[str, Any]) -> Compiled:
    """The bank with more tools, or other ones."""
    schema = {**SCHEMA, "tools": {**SCHEMA["tools"], **tools}}
    return compile_domain(SchemaSource("bank", schema))


def checked(domain: Compiled, *steps: dict[str, Any], state: State | None = None) -> Checked:
    found = check(domain, domain.read(list(steps)), state)
    assert isinstance(found, Checked), [str(v) for v in found.violations]
    return found


def carried(plan: Checked, world: Memory, **tools: Any) -> RunResult:
    adapters = Adapters({**MEMORY.tools, **tools}, MEMORY.connect, MEMORY.twin)
    return execute(plan, adapters, world, approve=YES, settings=QUICK, run="r")


def test_a_result_that_breaks_a_promise_is_shown_to_nobody() -> None:
    foreign = {"look": [lambda r: {**r, "account": "a9", "balance": 77}]}
    found = run([step("n1", "look", {"account": "a1"})], Memory(faults=foreign))
    assert (found.outcomes["n1"].status, found.outcomes["n1"].result) == ("failed", None)


def test_a_call_that_gives_nothing_establishes_nothing() -> None:
    find = {
        "does": "Find an account, or none",
        "effect": "read",
        "returns": {"type": "object", "properties": {"account": {"type-name": "Account"}}},
        "establishes": ["seen(result.account)"],
    }
    close = {**SCHEMA["tools"]["close"], "requires": ["seen"]}
    domain = bank_with(find=find, close=close)
    last = step("n2", "close", {"account": "a1"}, after=["n1"])
    plan, world = checked(domain, step("n1", "find", {}), last), Memory()
    found = carried(plan, world, find=lambda args, call: {})
    assert statuses(found) == {"n1": "failed", "n2": "not_run"} and world.effects == []
    assert "seen would hold" in found.outcomes["n1"].why
    assert carried(plan, world, find=lambda args, call: {"account": "a1"}).status == "done"


def test_what_was_undone_can_be_done_again() -> None:
    domain, world = bank(), Memory(faults={"look": ["invalid"]})
    add = moved("n1", "add", cents=7)
    undoing = dataclasses.replace(QUICK, compensate=True)
    plan = checked(domain, add, step("n2", "look", {"account": "a3"}, after=["n1"]))
    first = execute(plan, MEMORY, world, approve=YES, settings=undoing, run="r")
    assert [out.status for out in first.compensations] == ["done"]
    again = checked(domain, add, state=plan.state.after(plan, first.happened))
    second = execute(again, MEMORY, world, approve=YES, settings=undoing, run="r")
    assert second.status == "done" and world.balances["a1"] == 1007
    assert len({key for _, _, key in world.effects}) == 3


LIES = [lambda r: {**r, "account": "a9"}, lambda r: {**r, "balance": "much"}]


@pytest.mark.parametrize("lie", LIES)
def test_a_guard_judges_no_other_entity_than_the_one_it_asked_for(lie: Any) -> None:
    world = Memory(faults={"look": [lie] * 3})
    found = run([moved("n1", "take", cents=5)], world)
    assert (found.outcomes["n1"].status, world.effects) == ("failed", [])


def test_an_adapter_cannot_change_what_others_are_sent() -> None:
    names = {"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 3}
    tool = {"effect": "pure", "args": {"names": names}, "returns": names}
    domain = bank_with(give={**tool, "does": "Give"}, spoil={**tool, "does": "Spoil"})

    def spoil(args: Mapping[str, Any], call: Call) -> Json:
        args["names"].append("b")
        return []

    plan = checked(
        domain,
        step("n1", "give", {"names": ["a"]}),
        step("n2", "spoil", {"names": {"$ref": "n1"}}),
        step("n3", "give", {"names": {"$ref": "n1"}}, after=["n2"]),
    )
    found = carried(plan, Memory(), give=lambda args, call: args["names"], spoil=spoil)
    assert found.results == {"n1": ["a"], "n2": [], "n3": ["a"]}
    assert found.outcomes["n2"].args == {"names": ["a"]}


@pytest.mark.parametrize(
    ("age", "balance", "status"), [(0.0, 3, "done"), (90.0, 3, "parked"), (90.0, 9, "done")]
)
def test_a_repeatable_effect_is_sent_again_only_while_its_guards_hold(
    age: float, balance: int, status: str
) -> None:
    take = {key: value for key, value in SCHEMA["tools"]["take"].items() if key != "key"}
    domain = bank_with(take={**take, "idempotent": True})
    plan, world = checked(domain, moved("n1", "take", cents=5)), Memory(balances={"a1": balance})
    job = Job("r", plan, MEMORY, world, settings=Settings(backoff_s=0.001))
    args = plan.plan.steps[0].args
    intent = Intent("n1", "take", args, "k", time.time() - age, "a process that is gone")
    found = act(job, intent, {}, plan.guards_of("n1"))
    assert (found.status, len(world.effects)) == (status, int(status == "done"))


@pytest.mark.parametrize(
    ("age", "balance", "status"), [(1.0, 3, "done"), (9.0, 3, "refused"), (9.0, 9, "done")]
)
def test_guards_are_held_again_where_their_verdict_is_old(
    age: float, balance: int, status: str
) -> None:
    plan = checked(bank(), moved("n1", "take", cents=5))
    world = Memory(balances={"a1": balance})
    job = Job("r", plan, MEMORY, world, settings=QUICK)
    args = plan.plan.steps[0].args
    intent = Intent("n1", "take", args, "k", time.time() - age, job.incarnation)
    found = act(job, intent, {}, plan.guards_of("n1"))
    assert (found.status, len(world.effects)) == (status, int(status == "done"))


def test_nobody_listening_stops_no_run() -> None:
    def gone(event: Event) -> None:
        raise BrokenPipeError

    world = Memory()
    found = execute(checked(bank_with(), moved("n1", "add")), MEMORY, world, progress=gone)
    assert (found.status, len(world.effects)) == ("done", 1)


@pytest.mark.parametrize("answer", ["no", 1, None])
def test_only_true_is_consent(answer: Any) -> None:
    asked, world = [step("n1", "ask", {}), moved("n2", "pay", after=["n1"])], Memory()
    found = run(asked, world, approve=lambda request: Decision(answer, "a careless approver"))
    assert (found.status, world.effects) == ("refused", [])


def test_consent_from_an_earlier_round_is_used_up_by_its_call() -> None:
    asked = [step("n1", "ask", {}), moved("n2", "pay", after=["n1"])]
    domain = bank_with()
    plan = checked(domain, *asked)
    found = carried(plan, Memory(faults={"pay": ["denied"]}))
    failed = State().after(plan, found.happened, found.consents)
    again = checked(domain, {**asked[1], "after": []}, state=failed)
    done = failed.after(again, carried(again, Memory()).happened)
    refused = check(domain, again.plan, dataclasses.replace(done))
    assert not isinstance(refused, Checked) and refused.rules == {"A.approved"}
