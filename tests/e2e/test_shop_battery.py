"""The shop's battery tests itself: right plans do exactly what is asked, and nothing else does.

The replay here is the simplest caller there is, with no checker in the way: step after step, over
HTTP. So a task's diff is a statement about the shop, not about the executor.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bb_core.adapters import Call
from bb_core.battery import Task
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.plan import Step, from_json, needs, resolve_pointer, substitute
from bb_core.registry import discover
from bb_core.state import State
from bb_core.state_diff import state_diff
from bb_core.verdict import Refused
from bb_domains.api_json import domain
from bb_domains.api_json.tool_adapters import ADAPTERS
from bb_domains.api_json.world import ShopWorld, twin

BATTERY = domain.eval_battery()


@pytest.fixture(scope="module")
def world() -> Iterator[ShopWorld]:
    world = twin({})
    yield world
    world.close()


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("api_json"))


def replay(world: ShopWorld, task: Task) -> None:
    """Call the steps of every round in an order that respects what each waits for."""
    for number, plan in enumerate(task.rounds):
        waiting = list(from_json(plan, domain="api_json", schema="none").steps)
        results: dict[str, Any] = {}
        skipped: set[str] = set()
        while waiting:
            step = next(s for s in waiting if needs(s) <= results.keys() | skipped)
            waiting.remove(step)
            if needs(step) & skipped or not holds(step, results):
                skipped.add(step.id)
            elif step.tool == "confirm":
                results[step.id] = {"approved": True}
            else:
                args = {name: substitute(value, results) for name, value in step.args.items()}
                call = Call(world, step.id, f"{task.id}-{number}-{step.id}", 10.0)
                results[step.id] = ADAPTERS.tools[step.tool](args, call)


def holds(step: Step, results: Mapping[str, Any]) -> bool:
    """Whether the step's condition is true; the battery compares with these operators only."""
    if step.when is None:
        return True
    found: Any = resolve_pointer(results[step.when.ref.step], step.when.ref.pointer)
    wanted: Any = step.when.value
    match step.when.op:
        case "==":
            return bool(found == wanted)
        case "!=":
            return bool(found != wanted)
        case "<":
            return bool(found < wanted)
        case ">":
            return bool(found > wanted)
        case ">=":
            return bool(found >= wanted)
    raise AssertionError(step.when.op)


def test_every_reference_plan_makes_exactly_its_change(world: ShopWorld) -> None:
    wrong = {}
    for task in BATTERY:
        if task.expect == "done":
            world.reset(task.world)
            before = world.snapshot()
            replay(world, task)
            if (found := state_diff(before, world.snapshot())) != dict(task.diff):
                wrong[task.id] = found
    assert wrong == {}


def test_doing_nothing_solves_no_task_that_asks_for_an_act() -> None:
    idle = [task.id for task in BATTERY if task.expect == "done" and not task.diff]
    assert idle == [task.id for task in BATTERY if task.id.startswith("read-")]


def test_the_battery_covers_what_it_should() -> None:
    tags = Counter(tag for task in BATTERY for tag in task.tags)
    refused = [task for task in BATTERY if task.expect == "refuse"]
    assert len(BATTERY) >= 120 and len(refused) >= 20
    assert all(task.rule and task.rounds and not task.diff for task in refused)
    assert min(tags[t] for t in ("parallel", "condition", "reference", "rounds", "money")) >= 10
    assert len({task.prompt for task in BATTERY}) == len(BATTERY)
    tools = {s["tool"] for task in BATTERY for plan in task.rounds for s in plan["steps"]}  # type: ignore[index,call-overload,misc]
    assert tools == set(domain.plan_schema().tools) - {"find_request"}


def test_a_fifth_round_is_refused(compiled: Compiled) -> None:
    step = {"id": "n1", "tool": "list_products", "args": {"category": "home"}}
    plan = compiled.read([step])
    assert not isinstance(check(compiled, plan, State(rounds=3)), Refused)
    verdict = check(compiled, plan, State(rounds=4))
    assert isinstance(verdict, Refused) and verdict.rules == {"B.rounds"}


def test_every_skin_applies_and_keeps_its_word_about_the_plan() -> None:
    kinds = Counter(skin.kind for skin in domain.invariance_skins())
    assert min(kinds[kind] for kind in ("invariant", "equivariant", "trap")) >= 3  # type: ignore[index]
    for skin in domain.invariance_skins():
        pairs = [(task, dressed) for task in BATTERY if (dressed := skin.apply(task))]
        assert len(pairs) >= 10, skin.name
        for task, dressed in pairs:
            same = (dressed.rounds, dressed.diff, dressed.expect) == (
                task.rounds,
                task.diff,
                task.expect,
            )
            assert same is (skin.kind == "invariant"), (skin.name, task.id)
