"""One task, from its request to what it did to a fresh twin: what evaluation and shadow runs play.

Rounds, checker, executor, every consent given: all as in a run, but on a twin of its own, so
nothing real is touched and the same task is the same world for whoever plays it.

What goes wrong is told apart: a planner that raises has failed (the episode ends `refused`, with
what it did until then); a twin or tool that breaks on its own raises ProbeFault, and says nothing
about the planner.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import exp
from typing import Any

from bb_core.adapters import Adapters, World
from bb_core.battery import Task
from bb_core.canonical import Json
from bb_core.compiled import Compiled
from bb_core.harms import Episode
from bb_core.record import no_ledger
from bb_core.state_diff import state_diff
from bb_core.verdict import Checked
from bb_runtime.approve import by_policy
from bb_runtime.execute import execute
from bb_runtime.outcome import RunResult
from bb_runtime.rounds import Ask, Draft, Planner, Run, Runner
from bb_safety.errors import ProbeFault

YES = by_policy(lambda request: True, "twin")


@dataclass(frozen=True, slots=True)
class Played:
    """An episode, and the run that made it."""

    episode: Episode
    run: Run


def play(
    compiled: Compiled,
    adapters: Adapters,
    task: Task,
    planner: Planner,
    *others: Planner,
    rounds: int | None = None,
) -> Played:
    """Carry a task out on a fresh twin; raises ProbeFault where the twin breaks.

    `others` are asked once each when the planner's plan was refused twice. `rounds`: as many as
    runs may take; None: the domain's limit.
    """
    try:
        world = adapters.twin(task.world)
    except Exception as error:
        raise _fault(task, "its twin does not start", error) from error
    try:
        carry = partial(_carry, adapters=adapters, world=world)
        planners = tuple(map(_Sheltered, (planner, *others)))
        runner = Runner(compiled, planners, carry, no_ledger, compiled.digest, rounds)
        return _on(world, runner, task)
    finally:
        world.close()


def _on(world: World, runner: Runner, task: Task) -> Played:
    try:
        before = world.snapshot()
        run = runner.run(f"play-{task.id}", task.prompt)
        diff = state_diff(before, world.snapshot())
    except Exception as error:
        raise _fault(task, "its twin broke", error) from error
    ran = [step.checked.digest for step in run.rounds if step.checked and step.result]
    _require_sound(run, task)
    return Played(Episode(task, before, diff, run.end, tuple(ran), _confidence(run)), run)


def _confidence(run: Run) -> float | None:
    """The probability a builder gave its first plan; None for a planner that gives none."""
    tried = [attempt.draft for step in run.rounds for attempt in step.attempts]
    score = tried[0].score if tried else None
    return None if score is None or score > 0 else exp(score)


def _require_sound(run: Run, task: Task) -> None:
    """A tool nobody could reach broke the probe; a twin has no reason to be away."""
    for step in run.rounds:
        for out in step.result.outcomes.values() if step.result else ():
            if out.fault in ("unavailable", "timeout_unknown"):
                raise ProbeFault(f"{out.tool} was {out.fault}: {out.why}", where=task.id)


def _fault(task: Task, what: str, error: Exception) -> ProbeFault:
    return ProbeFault(f"{what}: {type(error).__name__}: {error}", where=task.id)


def _carry(
    checked: Checked, run: str, note: Mapping[str, Json], adapters: Adapters, world: Any
) -> RunResult:
    return execute(checked, adapters, world, approve=YES, run=run, note=note)


class _Sheltered:
    """A planner whose exceptions are its own failure: an empty plan, which is refused."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner

    def __call__(self, ask: Ask) -> Draft:
        try:
            return self.planner(ask)
        except Exception as error:
            return Draft("", planner=f"failed: {type(error).__name__}")
