"""The executor in memory: what each step may do, what becomes of it, and what is told of it."""

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bb_core.record import Record
from bb_core.state import State
from bb_runtime.approve import Approver, by_policy
from bb_runtime.errors import ExecuteError, NotChecked, ParkedError
from bb_runtime.execute import Outcome, RunResult, execute, unparked
from bb_runtime.intent import intent_key
from bb_runtime.job import Settings
from tests.bank.domain import MEMORY, Memory, bank, checked

YES = by_policy(lambda request: True)
QUICK = Settings(backoff_s=0.001)
Steps = list[dict[str, Any]]


def step(ident: str, tool: str, args: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": ident, "tool": tool, "args": args, **more}


def moved(
    ident: str, tool: str, account: Any = "a1", cents: Any = 5, **more: Any
) -> dict[str, Any]:
    return step(ident, tool, {"account": account, "cents": cents, "memo": ident}, **more)


def run(
    steps: Steps,
    world: Memory | None = None,
    *,
    state: State | None = None,
    settings: Settings = QUICK,
    approve: Approver = YES,
    ledger: Callable[[Record], None] = lambda record: None,
) -> RunResult:
    return execute(
        checked(steps, state),
        MEMORY,
        world or Memory(),
        settings=settings,
        approve=approve,
        ledger=ledger,
        run="r",
    )


def statuses(result: RunResult) -> dict[str, str]:
    return {ident: out.status for ident, out in result.outcomes.items()}


def test_results_flow_along_references() -> None:
    found = run([step("n1", "look", {"account": "a1"}), moved("n2", "add", {"$ref": "n1/account"})])
    assert found.status == "done"
    assert found.results["n2"] == {"account": "a1", "cents": 5, "memo": "n2", "ok": True}


@pytest.mark.parametrize("thing", [None, "n1", {"steps": []}, bank()])
def test_only_a_checked_plan_runs(thing: Any) -> None:
    with pytest.raises(NotChecked, match="not a checked plan"):
        execute(thing, MEMORY, Memory())


def test_a_plan_changed_after_its_check_does_not_run() -> None:
    plan, world = checked([moved("n1", "add")]), Memory()
    args: Any = plan.plan.steps[0].args
    args["cents"] = 400
    with pytest.raises(NotChecked, match="changed since"):
        execute(plan, MEMORY, world)
    assert world.effects == []


def test_a_missing_adapter_is_found_before_anything_runs() -> None:
    tools = {name: tool for name, tool in MEMORY.tools.items() if name != "look"}
    with pytest.raises(ExecuteError, match="no adapter for look"):
        execute(checked([moved("n1", "add")]), dataclasses.replace(MEMORY, tools=tools), Memory())


CONDITIONS: list[tuple[str, Any, bool]] = [
    ("==", 1000, True), ("!=", 1000, False), ("<", 1001, True), ("<=", 1000, True),
    (">", 1000, False), (">=", 1001, False),
]  # fmt: skip


@pytest.mark.parametrize(("op", "value", "holds"), CONDITIONS)
def test_a_condition_decides(op: str, value: Any, holds: bool) -> None:
    when = {"ref": "n1/balance", "op": op, "value": value}
    found = run(
        [
            step("n1", "look", {"account": "a1"}),
            step("n2", "echo", {"text": "x"}, when=when),
            step("n3", "echo", {"text": "y"}, after=["n2"]),
        ]
    )
    after = ("done", "done") if holds else ("skipped", "not_run")
    assert (found.outcomes["n2"].status, found.outcomes["n3"].status) == after
    assert found.status == "done"


def test_a_failure_stops_what_depends_on_it_and_nothing_else() -> None:
    world = Memory(faults={"look": ["invalid"]})
    found = run(
        [
            step("n1", "look", {"account": "a1"}),
            step("n2", "echo", {"text": "x"}, after=["n1"]),
            step("n3", "echo", {"text": "y"}),
        ],
        world,
    )
    assert statuses(found) == {"n1": "failed", "n3": "done", "n2": "not_run"}
    assert (found.status, found.outcomes["n1"].fault) == ("failed", "invalid")


REPEATS: list[tuple[str, list[Any], str, int]] = [
    ("add", ["unavailable", "limit", None], "done", 3),
    ("add", ["after", None], "done", 2),
    ("add", ["conflict"], "failed", 1),
    ("add", ["unavailable"] * 4, "failed", 4),
    ("add", ["after"] * 4, "parked", 4),
    ("add", ["after", "invalid"], "parked", 2),
    ("add", ["after", "unavailable", "limit", "unavailable"], "parked", 4),
    ("shout", ["unavailable"], "failed", 1),
    ("shout", ["after"], "parked", 1),
    ("look", ["timeout_unknown", None], "done", 2),
    ("look", ["denied"], "failed", 1),
]


@pytest.mark.parametrize(("tool", "faults", "status", "calls"), REPEATS)
def test_repeats_only_where_repeating_is_safe(
    tool: str, faults: list[Any], status: str, calls: int
) -> None:
    world = Memory(faults={tool: list(faults)})
    one = {"add": moved("n1", "add"), "shout": step("n1", "shout", {"text": "x"})}
    found = run([one.get(tool, step("n1", "look", {"account": "a1"}))], world)
    assert found.outcomes["n1"].status == status
    assert world.calls.count(tool) == calls
    assert len(world.effects) <= 1


def test_an_unknown_end_is_reconciled_where_the_domain_says_how() -> None:
    happened = run([step("n1", "write", {"text": "x"})], Memory(faults={"write": ["after"]}))
    assert (happened.status, happened.results["n1"]) == ("done", {"text": "x"})
    not_so = run(
        [step("n1", "write", {"text": "x"})], Memory(faults={"write": ["timeout_unknown"]})
    )
    assert (not_so.status, not_so.outcomes["n1"].fault) == ("failed", "timeout_unknown")


def test_a_parked_step_is_listed_and_nothing_after_it_runs() -> None:
    steps = [step("n1", "shout", {"text": "x"}), step("n2", "echo", {"text": "y"}, after=["n1"])]
    found = run(steps, Memory(faults={"shout": ["after"]}))
    assert (found.status, statuses(found)) == ("parked", {"n1": "parked", "n2": "not_run"})
    with pytest.raises(ParkedError, match=r"n1 \(shout"):
        unparked(found)


def test_a_call_past_its_limit_is_unknown_not_failed() -> None:
    def slow(tool: str, args: Mapping[str, Any]) -> None:
        time.sleep(1.0 if tool == "shout" else 0)

    found = run([step("n1", "shout", {"text": "x"})], Memory(wait=slow))
    assert (found.status, found.outcomes["n1"].fault) == ("parked", "timeout_unknown")


BAD_RESULTS: list[tuple[str, Callable[[Any], Any], str, str]] = [
    ("look", lambda r: {**r, "balance": "much"}, "failed", "promises"),
    ("look", lambda r: {**r, "account": "a9"}, "failed", "must echo"),
    ("take", lambda r: {**r, "ok": False}, "parked", "the money moved"),
    ("add", lambda r: {"account": "a1"}, "parked", "promises"),
    ("add", lambda r: {**r, "cents": 6}, "parked", "must echo"),
]


@pytest.mark.parametrize(("tool", "spoil", "status", "why"), BAD_RESULTS)
def test_a_result_that_breaks_a_promise_is_used_by_nobody(
    tool: str, spoil: Callable[[Any], Any], status: str, why: str
) -> None:
    faults: dict[str, list[Any]] = {tool: [spoil]}
    one = step("n1", "look", {"account": "a1"}) if tool == "look" else moved("n1", tool)
    found = run([one, step("n2", "echo", {"text": "x"}, after=["n1"])], Memory(faults=faults))
    assert statuses(found) == {"n1": status, "n2": "not_run"}
    assert why in found.outcomes["n1"].why


def test_a_result_that_is_not_json_is_no_result() -> None:
    found = run(
        [step("n1", "look", {"account": "a1"})], Memory(faults={"look": [lambda r: {1}] * 3})
    )
    assert "not JSON" in found.outcomes["n1"].why


def test_guards_hold_on_a_fresh_read() -> None:
    world = Memory(balances={"a1": 3})
    found = run([moved("n1", "take", cents=5)], world)
    assert (found.status, world.effects) == ("refused", [])
    assert found.outcomes["n1"].why.startswith("G.covered: the account covers it")


def test_a_guard_that_cannot_be_read_is_not_held() -> None:
    world = Memory(faults={"look": ["denied"]})
    found = run([moved("n1", "take")], world)
    assert (found.outcomes["n1"].status, world.effects) == ("failed", [])


def test_arguments_are_validated_once_they_are_known() -> None:
    found = run(
        [step("n1", "look", {"account": "a1"}), moved("n2", "add", cents={"$ref": "n1/balance"})]
    )
    assert found.outcomes["n2"].status == "refused"
    assert "S.type: cents breaks 'maximum'" in found.outcomes["n2"].why


def test_a_sum_is_held_over_parallel_steps_whoever_is_faster() -> None:
    looks = [step(f"n{i}", "look", {"account": f"a{i}"}) for i in (1, 2, 3)]
    takes = [
        moved(f"n{i + 3}", "take", f"a{i}", {"$ref": f"n{i}/balance"}, after=[f"n{i}"])
        for i in (1, 2, 3)
    ]
    balances = {"a1": 450, "a2": 450, "a3": 450}
    for slow in ("a1", "a2", "a3"):

        def wait(tool: str, args: Mapping[str, Any], slow: str = slow) -> None:
            time.sleep(0.03 if args.get("account") == slow else 0)

        found = run(looks + takes, Memory(balances=dict(balances), wait=wait))
        assert [found.outcomes[f"n{i}"].status for i in (4, 5, 6)] == ["done", "done", "refused"]
    assert "B.taken" in found.outcomes["n6"].why


def test_a_once_only_call_is_made_once() -> None:
    steps = [
        step("n1", "echo", {"text": "x"}),
        step("n2", "echo", {"text": "x"}, after=["n1"]),
        step("n3", "once", {"text": {"$ref": "n1/text"}}),
        step("n4", "once", {"text": {"$ref": "n2/text"}}, after=["n3"]),
    ]
    # Two pure calls with equal arguments are one to the checker; a reference hides that they are.
    steps[1]["args"] = {"text": {"$ref": "n1/text"}}
    world = Memory()
    found = run(steps, world)
    assert (found.outcomes["n4"].status, len(world.effects)) == ("refused", 1)
    assert "B.once" in found.outcomes["n4"].why


@pytest.mark.parametrize(("named", "status"), [("a1", "done"), ("a2", "refused")])
def test_a_fact_must_hold_of_the_value_a_reference_gives(named: str, status: str) -> None:
    steps = [
        step("n1", "look", {"account": "a1"}),
        step("n2", "pick", {"text": named}),
        step("n3", "close", {"account": {"$ref": "n2/account"}}, after=["n1"]),
    ]
    found = run(steps)
    assert found.outcomes["n3"].status == status
    assert ("T.seen" in found.outcomes["n3"].why) is (status == "refused")


@pytest.mark.parametrize(("named", "status"), [("a1", "done"), ("a2", "refused")])
def test_a_fact_another_branch_may_end_meanwhile_does_not_hold(named: str, status: str) -> None:
    steps = [
        step("n1", "look", {"account": "a1"}),
        step("n2", "look", {"account": "a2"}),
        step("n3", "pick", {"text": named}),
        step("n4", "forget", {"text": "x", "account": "a2"}, after=["n2"]),
        step("n5", "close", {"account": {"$ref": "n3/account"}}, after=["n1", "n2"]),
    ]
    found = run(steps)
    assert found.outcomes["n5"].status == status


ASKED = [step("n1", "ask", {}), moved("n2", "pay", after=["n1"])]


def test_consent_to_these_very_arguments() -> None:
    world = Memory()
    assert run(ASKED, world).status == "done"
    assert [tool for tool, _, _ in world.effects] == ["pay"]


def test_without_consent_nothing_that_needs_it_runs() -> None:
    world = Memory()
    found = run(ASKED, world, approve=by_policy(lambda request: False))
    assert (found.status, statuses(found)) == ("refused", {"n1": "refused", "n2": "not_run"})
    assert world.effects == []


def test_undoing_goes_backwards_with_keys_of_its_own() -> None:
    steps = [
        moved("n1", "add", cents=7),
        moved("n2", "take", "a2", 9, after=["n1"]),
        step("n3", "look", {"account": "a3"}, after=["n2"]),
    ]
    world = Memory(faults={"look": [None, "invalid"]})
    found = run(steps, world, settings=Settings(compensate=True))
    undone = [(out.step, out.tool, out.status) for out in found.compensations]
    assert undone == [("n2", "add", "done"), ("n1", "take", "done")]
    assert world.balances == {"a1": 1000, "a2": 1000}
    assert len({key for _, _, key in world.effects}) == 4
    assert found.status == "failed"


def test_nothing_is_undone_unless_the_run_asks_for_it() -> None:
    steps = [moved("n1", "add"), step("n2", "look", {"account": "a3"}, after=["n1"])]
    assert run(steps, Memory(faults={"look": ["invalid"]})).compensations == ()


def test_the_ledger_is_written_ahead_and_names_nobody() -> None:
    book: list[Record] = []
    steps = [step("n1", "look", {"account": "a1"}), moved("n2", "add", after=["n1"])]
    run(steps, ledger=book.append)
    assert [(r.type, r.body["step"]) for r in book] == [
        ("result", "n1"), ("intent", "n2"), ("result", "n2"), ("done", ""),
    ]  # fmt: skip
    assert all(r.run == "r" and r.plan.startswith("sha256:") for r in book)
    assert "1000" not in json.dumps([dict(r.body) for r in book]), "a balance is private"
    assert book[1].body["key"] == book[2].body["key"] != ""


def test_no_intent_on_record_no_effect() -> None:
    def full(record: Record) -> None:
        raise OSError("no space left on device")

    world = Memory()
    found = run([moved("n1", "add")], world, ledger=full)
    assert (found.status, world.effects) == ("failed", [])
    assert "no space left" in found.outcomes["n1"].why
    assert "no space left" in found.why


def test_independent_steps_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=5)

    def wait(tool: str, args: Mapping[str, Any]) -> None:
        meeting.wait()

    looks = [step(f"n{i}", "look", {"account": f"a{i}"}) for i in (1, 2, 3)]
    assert run(looks, Memory(wait=wait)).status == "done"


def test_a_key_belongs_to_the_intent() -> None:
    tools = bank().schema.tools
    args = {"account": "a1", "cents": 5, "memo": "x"}
    business = intent_key("bank", "add", tools["add"], args, "r1")
    assert business == intent_key("bank", "add", tools["add"], args, "r2")
    assert business != intent_key("bank", "take", tools["take"], args, "r1")
    assert business != intent_key("bank", "add", tools["add"], {**args, "memo": "y"}, "r1")
    no_fields = intent_key("bank", "write", tools["write"], {"text": "x"}, "r1")
    assert no_fields != intent_key("bank", "write", tools["write"], {"text": "x"}, "r2")


def test_outcomes_survive_json() -> None:
    found = run(ASKED)
    assert RunResult.from_json(json.loads(json.dumps(found.to_json()))) == found
    out = Outcome("n1", "add", "parked", {"a": [1]}, fault="limit", consents=("x",))
    assert Outcome.from_json(json.loads(json.dumps(out.to_json()))) == out


def test_the_next_round_knows_what_happened() -> None:
    plan = checked([step("n1", "look", {"account": "a1"}), moved("n2", "take", after=["n1"])])
    found = execute(plan, MEMORY, Memory())
    state = plan.state.after(plan, found.happened)
    assert ("seen", "a1") in state.facts
    assert (state.spent["taken"], state.steps, state.writes) == (5, 2, 1)
