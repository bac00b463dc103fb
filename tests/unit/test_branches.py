"""Facts that hang on a result, branches that exclude each other, and the halt after a crash."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from bb_core.adapters import Adapters, Call
from bb_core.canonical import Json
from bb_core.check import check
from bb_core.compiled import compile_domain
from bb_core.errors import SchemaError, ToolError
from bb_core.exclusive import exclusive
from bb_core.graph import Graph, build
from bb_core.mutants import Gold, mutants
from bb_core.record import Record
from bb_core.schema import FactCall, PlanSchema
from bb_core.schema_file import load_schema
from bb_core.state import Happened, State, read_state, state_json, step_after
from bb_core.verdict import Checked, Refused
from bb_runtime.execute import execute
from bb_runtime.intent import Intent
from bb_runtime.job import Job
from bb_runtime.onestep import act
from tests.schema_source import SchemaSource
from tests.unit.gripper import SCHEMA, gripper

GRIP: dict[str, Any] = {"id": "n1", "tool": "grip", "args": {"item": "i1", "force": 5}}


def when(held: bool, op: str = "==") -> dict[str, Any]:
    return {"when": {"ref": "n1/held", "op": op, "value": held}}


CARRY: dict[str, Any] = {"id": "n2", "tool": "carry", "args": {"item": "i1"}}
AGAIN: dict[str, Any] = {"id": "n3", "tool": "grip", "args": {"item": "i1", "force": 5}}
GOOD = [GRIP, {**CARRY, **when(True)}, {**AGAIN, **when(False)}]


def rules(steps: list[dict[str, Any]]) -> frozenset[str]:
    verdict = check(gripper(), gripper().read(steps))
    return verdict.rules if isinstance(verdict, Refused) else frozenset()


ACCEPTED = {
    "only if it is held": GOOD[:2],
    "unless it is not held": [GRIP, {**CARRY, **when(False, "!=")}],
    "further down the branch": [
        GRIP,
        {"id": "n4", "tool": "look", "args": {"item": "i2"}, **when(True)},
        {**CARRY, "after": ["n4"]},
    ],
    "a fallback without a name": [GRIP, {"id": "n4", "tool": "shrug", "args": {}, **when(False)}],
    "two branches write one thing": GOOD,
    "both branches spend, one of them does": [
        GRIP,
        {**AGAIN, **when(False)},
        {**AGAIN, "id": "n4", **when(True)},
    ],
    "the same once-only call in two branches": [
        {**GRIP, "args": {"item": "i1", "force": 1}},
        {"id": "n4", "tool": "grip", "args": {"item": "i2", "force": 1}, "after": ["n1"]},
        {
            "id": "n5",
            "tool": "shrug",
            "args": {"why": "x"},
            "after": ["n4"],
            **when(False),
        },
    ],
    "a check in the other branch does not come too late": [
        *GOOD[:2],
        {"id": "n4", "tool": "look", "args": {"item": "i1"}, **when(False)},
    ],
}
REFUSED = {
    "held or not": ("T.held", [GRIP, {**CARRY, "after": ["n1"]}]),
    "in the wrong branch": ("T.held", [GRIP, {**CARRY, **when(False)}]),
    "another item": ("T.held", [GRIP, {**CARRY, "args": {"item": "i2"}, **when(True)}]),
    "free or not": ("T.free", [GRIP, {"id": "n4", "tool": "shrug", "args": {}, "after": ["n1"]}]),
    "one branch may write as the other": ("R.race", [*GOOD[:2], {**AGAIN, "after": ["n1"]}]),
    "the dearer branch is too dear": (
        "B.force",
        [GRIP, {**AGAIN, "args": {"item": "i1", "force": 6}, **when(False)}],
    ),
    "not a branch, so both are paid": ("B.force", [GRIP, *GOOD[2:], {**AGAIN, "id": "n4"}]),
    "four writes one after the other": (
        "B.writes",
        [
            {"id": f"n{i}", "tool": "halt", "args": {}, "after": [f"n{i - 1}"] if i > 1 else []}
            for i in range(1, 5)
        ],
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_branch_is_let_pass(name: str) -> None:
    assert rules(ACCEPTED[name]) == frozenset()


@pytest.mark.parametrize("name", REFUSED)
def test_a_branch_is_refused(name: str) -> None:
    rule, steps = REFUSED[name]
    assert rule in rules(steps)


def test_the_reason_names_the_result_it_hangs_on() -> None:
    verdict = check(gripper(), gripper().read([GRIP, {**CARRY, "after": ["n1"]}]))
    assert isinstance(verdict, Refused)
    assert "only if n1/held is true. Run the step when n1/held == true" in str(
        verdict.violations[0]
    )


def test_steps_exclude_each_other_only_where_that_is_sure() -> None:
    graph = build(gripper().read(GOOD))
    assert isinstance(graph, Graph)
    assert exclusive(graph, "n2", "n3") and exclusive(graph, "n3", "n2")
    assert not exclusive(graph, "n1", "n2") and not exclusive(graph, "n2", "n2")


@pytest.mark.parametrize(("held", "facts"), [(True, {"held"}), (False, {"free"})])
def test_what_happened_gives_the_fact_its_result_says(held: bool, facts: set[str]) -> None:
    event = Happened("n1", "grip", {"item": "i1", "force": 1}, {"held": held})
    state = step_after(State(), gripper().schema, event)
    assert {name for name, _ in state.facts} == facts


def test_leaving_a_condition_out_is_a_mutant_and_is_caught() -> None:
    gold = Gold(gripper().schema, gripper().read(GOOD[:2]), {"n1": {"held": True}, "n2": None})
    made = [m for m in mutants(gold) if m.kind == "unproven"]
    assert len(made) == 1
    verdict = check(gripper(), made[0].plan)
    assert isinstance(verdict, Refused) and "T.held" in verdict.rules


def schema_error(**grip: Any) -> str:
    import json

    changed = deepcopy(SCHEMA)
    changed["tools"]["grip"].update(grip)
    text = json.dumps(changed).replace('{"type-name": "Item"}', '"Item"')
    with pytest.raises(SchemaError) as found:
        load_schema(text, "plan_schema.yaml")
    return found.value.found


@pytest.mark.parametrize(
    ("grip", "found"),
    [
        ({"establishes": ["held(args.item) if result.gone"]}, "result.gone is no true or false"),
        ({"establishes": ["held(args.item) if result.note"]}, "result.note is not a true or false"),
        ({"requires": ["free if result.held"]}, "only what a tool establishes can hang"),
        ({"on_crash": "scream"}, "unknown tool 'scream'"),
        ({"on_crash": "shrug"}, "'shrug' needs something first"),
        ({"on_crash": "look"}, "'look' needs something first"),
    ],
)
def test_a_schema_that_cannot_mean_it_is_refused(grip: dict[str, Any], found: str) -> None:
    assert found in schema_error(**grip)


def test_a_fact_call_says_what_it_hangs_on() -> None:
    assert FactCall.parse("f(args.x) if not result.a.b") == FactCall(
        name="f", term="args.x", given="a.b", wanted=False
    )
    with pytest.raises(ValueError, match="is not name"):
        FactCall.parse("f if args.x")


class Machine:
    """What the tools did, in order."""

    def __init__(self, lost: str = "") -> None:
        self.done: list[str] = []
        self.lost = lost

    def adapters(self) -> Adapters:
        def tool(name: str) -> Any:
            def call(args: Mapping[str, Any], call: Call) -> Json:
                self.done.append(name)
                if name == self.lost:
                    raise ToolError("timeout_unknown", "no answer", where=call.step)
                return {"held": True} if name in ("grip", "look") else None

            return call

        names = PlanSchema.model_validate(SCHEMA).tools
        return Adapters({name: tool(name) for name in names}, lambda _: self, lambda _: self)  # type: ignore[arg-type, return-value]


def checked() -> Checked:
    verdict = check(gripper(), gripper().read(GOOD[:2]))
    assert isinstance(verdict, Checked)
    return verdict


def test_a_lost_answer_halts_the_machine_and_parks_the_step() -> None:
    machine, told = Machine(lost="grip"), list[Record]()
    result = execute(checked(), machine.adapters(), machine, ledger=told.append)
    assert machine.done == ["grip", "halt"]
    assert (
        result.outcomes["n1"].status == "parked" and "halt was called" in result.outcomes["n1"].why
    )
    assert [r.body["tool"] for r in told if r.type == "intent"] == ["grip", "halt"]


@pytest.mark.parametrize("lost", ["", "halt"])
def test_after_a_crash_it_halts_first_and_sends_nothing_again(lost: str) -> None:
    machine = Machine(lost=lost)
    job = Job("run", checked(), machine.adapters(), machine)
    intent = Intent("n1", "grip", {"item": "i1", "force": 5}, "key", 0.0, "a dead process")
    out = act(job, intent, {}, ())
    assert machine.done == ["halt"]
    assert out.status == "parked"
    assert ("halt was called and failed" if lost else "halt was called") in out.why


ON: dict[str, Any] = {
    "does": "Put one thing on another",
    "effect": "write",
    "args": {"item": {"type-name": "Item"}, "under": {"type-name": "Item"}},
    "establishes": ["on(args.item, args.under)"],
    "kills": ["on(args.under, args.item)"],
    "waives": {"compensation": "a test"},
}
OFF: dict[str, Any] = {
    **ON,
    "establishes": [],
    "kills": [],
    "requires": ["on(args.item, args.under)"],
}


def stacked(*calls: tuple[str, str, str], state: State | None = None) -> frozenset[str]:
    """The rules that refuse these calls, one after the other."""
    schema = {**SCHEMA, "domain": "stack", "tools": {**SCHEMA["tools"], "on": ON, "off": OFF}}
    compiled = compile_domain(SchemaSource("stack", schema))
    steps = [
        {
            "id": f"n{i}",
            "tool": tool,
            "args": {"item": a, "under": b},
            "after": [f"n{i - 1}"] if i > 1 else [],
        }
        for i, (tool, a, b) in enumerate(calls, 1)
    ]
    verdict = check(compiled, compiled.read(steps), state)
    return verdict.rules if isinstance(verdict, Refused) else frozenset()


def test_a_fact_of_two_things_holds_of_both_in_their_order() -> None:
    assert stacked(("on", "i1", "i2"), ("off", "i1", "i2")) == frozenset()
    assert stacked(("on", "i1", "i2"), ("off", "i2", "i1")) == {"T.on"}
    assert stacked(("on", "i1", "i2"), ("on", "i2", "i1"), ("off", "i1", "i2")) == {"T.on"}


def test_a_fact_of_two_things_is_carried_from_round_to_round() -> None:
    state = State(facts=frozenset({("on", ("i1", "i2"))}))
    assert stacked(("off", "i1", "i2"), state=read_state(state_json(state))) == frozenset()
    assert stacked(("off", "i2", "i1"), state=state) == {"T.on"}
    schema = PlanSchema.model_validate({**SCHEMA, "tools": {**SCHEMA["tools"], "on": ON}})
    event = Happened("n1", "on", {"item": "i1", "under": "i2"}, None)
    assert step_after(State(), schema, event).facts == {("on", ("i1", "i2"))}
