"""The cell beyond the checks that every domain has: skins by their diffs, the stop, the tree."""

import math
import sys
import time
from collections import Counter
from dataclasses import replace
from threading import Event, Thread
from typing import Any

import pytest
from py_trees.common import Status

from bb_core.adapters import Call
from bb_core.battery import Task
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import ToolError
from bb_core.plan import Step
from bb_core.registry import discover
from bb_core.state_diff import state_diff
from bb_core.verdict import Refused
from bb_domains.robots import domain
from bb_domains.robots.cell.arm import Joints, joints_at
from bb_domains.robots.cell.layout import PLACES
from bb_domains.robots.cell.motion import Exact, Motion
from bb_domains.robots.cell.path import way
from bb_domains.robots.cell.ticks import tree
from bb_domains.robots.tool_adapters import ADAPTERS, twin
from bb_runtime.intent import Intent
from bb_runtime.job import Job
from bb_runtime.onestep import act
from bb_runtime.trial import attempt, gold

BATTERY = domain.eval_battery()
SKINS = {skin.name: skin for skin in domain.invariance_skins()}


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("robots"))


def test_the_battery_is_large_and_its_skins_are_of_three_kinds() -> None:
    assert len(BATTERY) >= 100
    assert all(task.diff or "read" in task.tags for task in BATTERY if task.expect == "done")
    kinds = Counter(skin.kind for skin in SKINS.values())
    assert min(kinds[kind] for kind in ("invariant", "equivariant", "trap")) >= 3  # type: ignore[index]
    for skin in SKINS.values():
        assert sum(skin.apply(task) is not None for task in BATTERY) >= 2, skin.name


@pytest.mark.parametrize("name", [s.name for s in SKINS.values() if s.kind == "invariant"])
def test_an_invariant_skin_keeps_the_plan_and_the_diff(name: str, compiled: Compiled) -> None:
    worlds = 0
    for task in BATTERY[::3]:
        dressed = SKINS[name].apply(task)
        if dressed is None:
            continue
        assert (dressed.rounds, dressed.diff) == (task.rounds, task.diff)
        if dressed.world != task.world and task.expect == "done":
            worlds += 1
            assert gold(compiled, ADAPTERS, dressed).caught == "nothing", (name, task.id)
    assert worlds or name not in ("bystander", "planted-label")


@pytest.mark.parametrize("name", [s.name for s in SKINS.values() if s.kind == "trap"])
def test_the_old_plan_does_not_do_in_a_trap(name: str, compiled: Compiled) -> None:
    tried = 0
    for task in BATTERY[::3]:
        dressed = SKINS[name].apply(task)
        if dressed is None:
            continue
        tried += 1
        plans = [compiled.read(plan) for plan in dressed.rounds]
        old = replace(dressed, diff=task.diff, expect=task.expect)
        assert attempt(compiled, ADAPTERS, old, plans).caught != "nothing", (name, task.id)
    assert tried


def test_the_stop_can_be_put_anywhere_into_any_plan(compiled: Compiled) -> None:
    for task in [t for t in BATTERY if t.expect == "done" and "stop" not in t.tags][::8]:
        for plan in map(compiled.read, task.rounds):
            for after in ((), *((step.id,) for step in plan.steps)):
                stop = Step("n99", "stop", {}, after)
                verdict = check(compiled, replace(plan, steps=(*plan.steps, stop)))
                found = verdict.rules if isinstance(verdict, Refused) else frozenset()
                # What it cannot be is at the same time as another call for help.
                assert not found - {"R.race"}, (task.id, after)


def test_equal_runs_leave_equal_cells(compiled: Compiled) -> None:
    for task in BATTERY[:40:4]:
        first, second = (gold(compiled, ADAPTERS, task) for _ in range(2))
        assert first == second


def test_the_watch_halts_the_arm_when_somebody_is_too_near() -> None:
    path = way(joints_at(PLACES["home"]), PLACES["rack"])
    steps = 0

    def closing_in(seconds: float, locked: object) -> list[tuple[float, float]]:
        nonlocal steps
        steps += 1
        return [(0.0, 1500.0 - 60 * steps)]

    motion = Motion(Exact(path.corners[0], {}, 1), path, 400, closing_in)
    assert motion.run() is False and motion.halted
    assert motion.samples[-1].distance < 300 <= motion.samples[-2].distance
    unwatched = Motion(
        Exact(path.corners[0], {}, 1), path, 400, lambda s, _: [(0.0, 800.0)], watched=False
    )
    assert unwatched.run() is True and unwatched.samples[-1].distance < 300


class Slow(Exact):
    """A body whose motion takes the time it takes."""

    moving = Event()

    def follow(self, q: Joints, seconds: float) -> Joints:
        """Be there, later."""
        self.moving.set()
        time.sleep(seconds / 5)
        return super().follow(q, seconds)


def test_stop_ends_a_motion_under_way() -> None:
    cell = twin({}, Slow)
    call, reached = Call(cell, "n1", "k", 60), list[Any]()
    goal = {"place": "300,200,300", "speed": "slow"}
    going = Thread(target=lambda: reached.append(ADAPTERS.tools["move_to"](goal, call)))
    going.start()
    assert Slow.moving.wait(30)
    assert ADAPTERS.tools["stop"]({}, call) == {"stopped": True}
    tip = cell.tip
    going.join(30)  # the answer to `stop` was given when the arm stood
    assert reached == [{"place": "300,200,300", "reached": False}]
    assert cell.tip == tip and math.dist(tip, (300, 200, 300)) > 50
    with pytest.raises(ToolError, match="the arm has been stopped"):
        ADAPTERS.tools["move_to"](goal, call)
    ADAPTERS.tools["restart"]({"arm": "r1"}, call)
    assert cell.move("tray", "slow")


def test_the_motions_tree_is_a_fallback_over_a_watched_way() -> None:
    path = way(joints_at(PLACES["home"]), PLACES["tray"])
    motion = Motion(Exact(path.corners[0], {}, 0), path, 400, lambda s, _: [])
    root = tree(motion)
    root.tick_once()
    assert root.status is Status.RUNNING
    assert [child.name for child in root.children] == ["go", "halt"]
    assert [child.name for child in root.children[0].children] == ["watch", "follow"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"weather": "wet"}, "unknown change 'weather'"),
        ({"at": "moon"}, "a change to the cell"),
        ({"people": [[[0, 0, 0]]]}, "neither in a pen nor in the hall"),
        ({"at": "900,0,0"}, "outside the workspace"),
    ],
)
def test_a_cell_that_cannot_be_is_refused(changes: dict[str, object], found: str) -> None:
    with pytest.raises(ToolError, match=found):
        twin(changes)


def simulated() -> object:
    pytest.importorskip("mujoco", reason="pip install 'builderbrain-robots[sim]'")
    from bb_domains.robots.sim.body import SimBody

    return SimBody


def in_simulator(compiled: Compiled, task: Task) -> tuple[str, object]:
    """What becomes of a task's own plans in MuJoCo, and the cell they leave."""
    from bb_domains.robots.cell.world import CellWorld

    body, worlds = simulated(), []

    def make(changes: object) -> CellWorld:
        worlds.append(CellWorld(changes, body))  # type: ignore[arg-type]
        return worlds[-1]

    trial = gold(compiled, replace(ADAPTERS, twin=make), task)
    return trial.caught, worlds[0]


@pytest.mark.parametrize(
    "ident",
    ["fetch-1", "retry-3", "blocked-1", "handover-1", "scrap-2", "find-3"],
)
def test_the_simulator_agrees_with_the_light_twin(ident: str, compiled: Compiled) -> None:
    task = next(t for t in BATTERY if t.id == ident)
    caught, world = in_simulator(compiled, task)
    assert caught == "nothing"
    for name, place in world.objects.items():  # type: ignore[attr-defined]
        if place in PLACES and place != "bin":
            x, y, z = world.body.where(name)  # type: ignore[attr-defined]
            there = PLACES[place]
            assert ((x - there[0]) ** 2 + (y - there[1]) ** 2) ** 0.5 < 15, (name, place)
            assert abs(z - there[2]) < 25, (name, place, z)


def test_the_simulated_arm_keeps_to_its_way() -> None:
    from bb_domains.robots.cell.arm import shapes
    from bb_domains.robots.cell.layout import TRACKING

    make = simulated()
    for goal in ("rack", "bin", "hatch"):
        path = way(joints_at(PLACES["bench"]), PLACES[goal])
        body = make(path.corners[0], {}, 0)  # type: ignore[operator]
        gone = 0.0
        while gone < path.length:
            gone = min(gone + 800 * 0.05, path.length)
            wanted, found = path.at(gone), body.follow(path.at(gone), 0.05)
            for one, two in zip(shapes(wanted), shapes(found), strict=True):
                assert math.dist(one.a, two.a) < TRACKING and math.dist(one.b, two.b) < TRACKING


def test_a_connection_is_a_cell_and_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ADAPTERS.connect({}).snapshot()
    assert first == twin({}).snapshot()
    with pytest.raises(ToolError, match="body is 'wax'"):
        ADAPTERS.connect({"body": "wax"})
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(ToolError, match=r"pip install 'builderbrain-robots\[sim\]'"):
        ADAPTERS.connect({"body": "sim"})


@pytest.mark.parametrize("step", ["n5", "n6"])
def test_after_a_crash_the_arm_is_stopped_and_nothing_is_sent_again(
    step: str, compiled: Compiled
) -> None:
    task = next(t for t in BATTERY if t.id == "fetch-1")
    verdict = check(compiled, compiled.read(task.rounds[0]))
    assert not isinstance(verdict, Refused)
    cell = twin({})
    job = Job("run", verdict, ADAPTERS, cell)
    lost = next(s for s in verdict.plan.steps if s.id == step)
    before = cell.snapshot()
    out = act(job, Intent(step, lost.tool, lost.args, "key", 0.0, "a dead process"), {}, ())
    assert out.status == "parked" and "stop was called" in out.why
    assert state_diff(before, cell.snapshot()) == {"/arm/stopped": True}
    with pytest.raises(ToolError, match="the arm has been stopped"):
        ADAPTERS.tools["move_to"]({"place": "tray", "speed": "slow"}, Call(cell, "n9", "", 10.0))
