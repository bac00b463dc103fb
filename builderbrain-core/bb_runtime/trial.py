"""Try plans on a twin and say who stopped them: the checker, its guards, the tools, or the oracle.

A battery tests itself with this. The right plan must cause exactly the task's diff; doing nothing
must not; every mutant must be caught, and the trial says by what. Fresh twin for each trial. Rounds
end where those of a run end (`ending.py`): what no run would ask for is not played.
`infra` is nobody's answer: the twin would not start, an adapter was not there, raised or hung.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from bb_core.adapters import Adapters, World
from bb_core.battery import Task
from bb_core.canonical import Json, canonical, digest_json
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.mutants import Gold, Mutant, mutants
from bb_core.plan import Plan
from bb_core.state import State
from bb_core.state_diff import state_diff
from bb_core.verdict import Refused
from bb_runtime.approve import by_policy
from bb_runtime.ending import Course
from bb_runtime.execute import execute
from bb_runtime.job import Settings
from bb_runtime.outcome import RunResult

Caught = Literal["static", "guards", "tools", "oracle", "nothing", "infra"]
LOST: frozenset[str | None] = frozenset({"unavailable", "timeout_unknown"})
"""The faults of a call that say nothing about the plan: its system was away, raised or hung."""
RULE = re.compile(r"[GTABS]\.[\w-]+: ")
YES = by_policy(lambda request: True, "trial")


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a task's plans on a fresh twin.

    `start` is the state the twin started in, None if it was not needed. `before` is the run's state
    before the last plan, `state` after it.
    """

    task: str
    kind: str
    caught: Caught
    why: tuple[str, ...] = ()
    diff: Mapping[str, Json] = field(default_factory=dict)
    runs: tuple[RunResult, ...] = ()
    start: Json = None
    before: State = field(default_factory=State)
    state: State = field(default_factory=State)

    @property
    def results(self) -> tuple[Mapping[str, Json], ...]:
        """The results of the steps that are done, round by round."""
        return tuple(run.results for run in self.runs)

    @property
    def began(self) -> str:
        """The digest of the state the twin started in; empty if it was not needed."""
        return "" if self.start is None else digest_json(self.start)

    @property
    def rules(self) -> frozenset[str]:
        """The ids of the rules that stopped it."""
        return frozenset(text.split(":", 1)[0] for text in self.why)


def attempt(
    compiled: Compiled,
    adapters: Adapters,
    task: Task,
    plans: Sequence[Plan],
    *,
    kind: str = "gold",
    approvals: frozenset[str] = frozenset(),
    settings: Settings | None = None,
    session: bool = False,
) -> Trial:
    """Check and run the rounds of a task on a fresh twin, every consent given.

    `session`: the plans are a client's, who goes on after an act, where a run would have ended.
    """
    state = State(request=task.prompt, approvals=approvals)
    blank = Trial(task.id, kind, "nothing", before=state, state=state)
    verdict = check(compiled, plans[0], state) if plans else None
    if isinstance(verdict, Refused):  # no twin is needed to say so
        return replace(blank, caught="static", why=tuple(map(str, verdict.violations)))
    try:
        with _twin(adapters, task) as world:
            start = world.snapshot()
            play = partial(execute, adapters=adapters, world=world, approve=YES, settings=settings)
            ran = _rounds(compiled, blank, plans, play, None if session else Course())
            diff = state_diff(start, world.snapshot())
    except Exception as error:
        return replace(blank, caught="infra", why=(f"{type(error).__name__}: {error}",))
    ran = replace(ran, diff=diff, start=start)
    if ran.caught == "nothing" and canonical(diff) != canonical(dict(task.diff)):
        return replace(ran, caught="oracle", why=(_apart(task.diff, diff),))
    return ran


@contextmanager
def _twin(adapters: Adapters, task: Task) -> Iterator[World]:
    world = adapters.twin(task.world)
    try:
        yield world
    finally:
        world.close()


def _rounds(
    compiled: Compiled,
    trial: Trial,
    plans: Sequence[Plan],
    play: Callable[..., RunResult],
    course: Course | None,
) -> Trial:
    for number, plan in enumerate(plans):
        if course and (why := _unasked(course, number, plan)):
            return replace(trial, caught="oracle", why=(why,))
        trial = replace(trial, before=trial.state)
        verdict = check(compiled, plan, trial.state)
        if isinstance(verdict, Refused):
            return replace(trial, caught="static", why=tuple(map(str, verdict.violations)))
        result = play(verdict, run=f"{trial.task}-{number}")
        state = trial.state.after(verdict, result.happened, result.consents, result.faults)
        trial = replace(trial, runs=(*trial.runs, result), state=state)
        if result.status != "done":
            return replace(trial, caught=_who(result), why=tuple(_stopped(result)))
        if course:
            course.took(verdict, result)
    return trial


def _unasked(course: Course, number: int, plan: Plan) -> str:
    """Why a run would not come to this round's plan; empty if it would."""
    if course.end is not None:
        did = f"round {number} acted for good, or looked no more after it acted, and so ends a run"
        return f"oracle: {did}: round {number + 1} is never asked for. Make one plan of both"
    if course.knows(plan):
        return f"oracle: round {number + 1} is the plan of an earlier one, with which a run ends"
    return ""


def _who(result: RunResult) -> Caught:
    # A promise a read broke is a guard's doing too: the rule's id comes first.
    if any(map(RULE.match, _stopped(result))):
        return "guards"
    lost = any(not out.done and out.fault in LOST for out in result.outcomes.values())
    return "infra" if lost else "tools"


def _stopped(result: RunResult) -> Iterator[str]:
    for out in result.outcomes.values():
        if out.status in ("refused", "failed", "parked"):
            yield out.why or out.status


def _apart(expected: Mapping[str, Json], found: Mapping[str, Json]) -> str:
    for pointer in sorted(expected.keys() | found.keys()):
        if expected.get(pointer) != found.get(pointer) or (pointer in expected) != (
            pointer in found
        ):
            return (
                f"oracle: {pointer} is {found.get(pointer)!r}, expected {expected.get(pointer)!r}"
            )
    return "oracle: the diffs differ"


def gold(compiled: Compiled, adapters: Adapters, task: Task) -> Trial:
    """The task's own reference plans."""
    return attempt(compiled, adapters, task, [compiled.read(plan) for plan in task.rounds])


def wrong(
    compiled: Compiled, task: Task, right: Trial, pool: Mapping[str, Sequence[Json]]
) -> Iterator[tuple[Mutant, Trial | None]]:
    """Every mutant of a task's last reference plan; a trial where the checker alone refuses it.

    `right` is the trial of the right plans, whose earlier rounds a mutant comes after.
    """
    last = compiled.read(task.rounds[-1])
    for mutant in mutants(Gold(compiled.schema, last, right.results[-1], pool)):
        approvals = right.before.approvals | mutant.approvals
        verdict = check(compiled, mutant.plan, replace(right.before, approvals=approvals))
        if isinstance(verdict, Refused):
            why = tuple(map(str, verdict.violations))
            yield mutant, Trial(task.id, mutant.kind, "static", why)
        else:
            yield mutant, None


def tried(compiled: Compiled, adapters: Adapters, task: Task, mutant: Mutant) -> Trial:
    """A mutant on a fresh twin, after the task's earlier rounds ran as they should."""
    plans = [*map(compiled.read, task.rounds[:-1]), mutant.plan]
    return attempt(compiled, adapters, task, plans, kind=mutant.kind, approvals=mutant.approvals)


def broken(
    compiled: Compiled,
    adapters: Adapters,
    task: Task,
    right: Trial,
    pool: Mapping[str, Sequence[Json]],
) -> Iterator[Trial]:
    """What became of every mutant of a task."""
    for mutant, trial in wrong(compiled, task, right, pool):
        yield trial or tried(compiled, adapters, task, mutant)
