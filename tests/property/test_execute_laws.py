"""Laws of execution: they hold for every plan, every timing and every fault."""

import time
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bb_core.graph import Graph, build
from bb_core.verdict import Checked
from bb_runtime.execute import RunResult, execute
from bb_runtime.job import Settings
from tests.bank.domain import MEMORY, Memory, checked

FAULTS = ["invalid", "denied", "conflict", "unavailable", "limit", "timeout_unknown", "after", None]
QUICK = Settings(backoff_s=0.0)


@st.composite
def plans(draw: st.DrawFn) -> Checked:
    """Plans of reads and writes on accounts of their own, joined at random."""
    steps: list[dict[str, Any]] = []
    for i in range(1, draw(st.integers(2, 8)) + 1):
        earlier = [s["id"] for s in steps]
        after = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2)) if earlier else []
        tool = draw(st.sampled_from(["look", "add", "take", "write", "shout", "echo"]))
        row: dict[str, Any] = {"id": f"n{i}", "tool": tool, "args": arguments(tool, i)}
        looks = [s["id"] for s in steps if s["tool"] == "look"]
        if looks and draw(st.booleans()):
            value = draw(st.sampled_from([0, 1000]))
            row["when"] = {
                "ref": f"{draw(st.sampled_from(looks))}/balance",
                "op": ">=",
                "value": value,
            }
        steps.append(row | ({"after": after} if after else {}))
    return checked(draw(st.permutations(steps)))


def arguments(tool: str, i: int) -> dict[str, Any]:
    if tool == "look":
        return {"account": f"a{i}"}
    if tool in ("add", "take"):
        return {"account": f"a{i}", "cents": i, "memo": f"m{i}"}
    return {"text": f"t{i}"}


def faults(draw: Any) -> dict[str, list[Any]]:
    return {
        name: draw(st.lists(st.sampled_from(FAULTS), max_size=3))
        for name in ("add", "shout", "look")
    }


def run(plan: Checked, world: Memory, parallel: int = 8) -> RunResult:
    chosen = Settings(backoff_s=0.0, parallel=parallel)
    return execute(plan, MEMORY, world, settings=chosen, run="r")


def graph(plan: Checked) -> Graph:
    found = build(plan.plan)
    assert isinstance(found, Graph)
    return found


def shuffled(seed: int) -> Any:
    def wait(tool: str, args: Mapping[str, Any]) -> None:
        time.sleep(hash((seed, tool, str(sorted(args.items())))) % 5 / 2000)

    return wait


@settings(max_examples=25)
@given(plans(), st.integers(0, 2**16))
def test_results_do_not_depend_on_the_timing(plan: Checked, seed: int) -> None:
    one_by_one = run(plan, Memory(), parallel=1)
    for n in range(3):
        found = run(plan, Memory(wait=shuffled(seed + n)))
        assert found.to_json() == one_by_one.to_json()


@settings(max_examples=60)
@given(plans(), st.data())
def test_a_step_runs_only_if_all_it_needs_is_done(plan: Checked, data: st.DataObject) -> None:
    world = Memory(faults=faults(data.draw))
    found = run(plan, world)
    assert set(found.outcomes) == {step.id for step in plan.plan.steps}
    for ident, out in found.outcomes.items():
        parents = [found.outcomes[p] for p in graph(plan).parents[ident]]
        assert (out.status == "not_run") is any(not p.done for p in parents)


@settings(max_examples=60)
@given(plans(), st.data())
def test_no_fault_makes_an_effect_twice_or_hides_one(plan: Checked, data: st.DataObject) -> None:
    """Done: exactly once. Failed, refused, skipped, not run: never. Parked: at most once."""
    world = Memory(faults=faults(data.draw))
    found = run(plan, world)
    for ident, out in found.outcomes.items():
        args = arguments(out.tool, int(ident[1:]))
        if out.tool in ("look", "echo"):
            continue
        times = sum(tool == out.tool and made == args for tool, made, _ in world.effects)
        allowed = {"done": (1,), "parked": (0, 1)}.get(out.status, (0,))
        assert times in allowed, (out, world.effects)


@settings(max_examples=30)
@given(plans(), st.data())
def test_the_run_is_as_bad_as_its_worst_step(plan: Checked, data: st.DataObject) -> None:
    found = run(plan, Memory(faults=faults(data.draw)))
    seen = {out.status for out in found.outcomes.values()}
    worst = next((s for s in ("parked", "failed", "refused") if s in seen), "done")
    assert found.status == worst
    assert all(out.why for out in found.outcomes.values() if not out.done)


@settings(max_examples=30)
@given(plans(), st.data())
def test_every_done_write_with_a_way_back_is_undone_or_says_why_not(
    plan: Checked, data: st.DataObject
) -> None:
    world = Memory(faults={"look": faults(data.draw)["look"]})
    found = execute(plan, MEMORY, world, settings=Settings(compensate=True, backoff_s=0.0))
    done = {s: out.tool for s, out in found.outcomes.items() if out.done}
    if found.status in ("failed", "refused"):
        written = {s for s, tool in done.items() if tool in ("add", "take")}
        assert written == {out.step for out in found.compensations}
        assert all(out.done or out.why for out in found.compensations)
        undone = {f"a{out.step[1:]}" for out in found.compensations if out.done}
        assert all(world.balances[account] == 1000 for account in undone)
    else:
        assert found.compensations == ()
