"""Try plans on a twin and say who stopped them: the checker, its guards, the tools, or the oracle.

A battery tests itself with this. The right plan must cause exactly the task's diff; doing nothing
must not; every mutant must be caught, and the trial says by what. Fresh twin for each trial.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bb_core.adapters import Adapters
from bb_core.battery import Task
from bb_core.canonical import Json, canonical
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.mutants import Gold, Mutant, mutants
from bb_core.plan import Plan
from bb_core.state import State
from bb_core.state_diff import state_diff
from bb_core.verdict import Refused
from bb_runtime.approve import by_policy
from bb_runtime.execute import execute
from bb_runtime.outcome import RunResult

Caught = Literal["static", "guards", "tools", "oracle", "nothing"]
RULE = re.compile(r"[GTABS]\.[\w-]+: ")
YES = by_policy(lambda request: True, "trial")


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a task's plans on a fresh twin."""

    task: str
    kind: str
    caught: Caught
    why: tuple[str, ...] = ()
    diff: Mapping[str, Json] = field(default_factory=dict)
    results: tuple[Mapping[str, Json], ...] = ()

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
) -> Trial:
    """Check and run the rounds of a task on a fresh twin, every consent given."""
    world = adapters.twin(task.world)
    try:
        before = world.snapshot()
        caught, why, results = _rounds(compiled, adapters, world, task, plans, approvals)
        diff = state_diff(before, world.snapshot())
    finally:
        world.close()
    if caught == "nothing" and canonical(diff) != canonical(dict(task.diff)):
        return Trial(task.id, kind, "oracle", (_apart(task.diff, diff),), diff, results)
    return Trial(task.id, kind, caught, why, diff, results)


def _rounds(
    compiled: Compiled,
    adapters: Adapters,
    world: Any,
    task: Task,
    plans: Sequence[Plan],
    approvals: frozenset[str],
) -> tuple[Caught, tuple[str, ...], tuple[Mapping[str, Json], ...]]:
    state, results = State(request=task.prompt, approvals=approvals), list[Mapping[str, Json]]()
    for number, plan in enumerate(plans):
        verdict = check(compiled, plan, state)
        if isinstance(verdict, Refused):
            return "static", tuple(map(str, verdict.violations)), tuple(results)
        result = execute(verdict, adapters, world, approve=YES, run=f"{task.id}-{number}")
        results.append(result.results)
        if result.status != "done":
            why = tuple(_stopped(result))
            # A promise a read broke is a guard's doing too: the rule's id comes first.
            caught: Caught = "guards" if any(map(RULE.match, why)) else "tools"
            return caught, why, tuple(results)
        state = state.after(verdict, result.happened, result.consents)
    return "nothing", (), tuple(results)


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


def broken(
    compiled: Compiled,
    adapters: Adapters,
    task: Task,
    right: Trial,
    pool: Mapping[str, Sequence[Json]],
) -> Iterator[Trial]:
    """Every mutant of a task's last reference plan, after its earlier rounds ran as they should."""
    plans = [compiled.read(plan) for plan in task.rounds]
    last = Gold(compiled.schema, plans[-1], right.results[-1], pool)
    for mutant in mutants(last):
        yield _try(compiled, adapters, task, plans[:-1], mutant)


def _try(
    compiled: Compiled, adapters: Adapters, task: Task, earlier: Sequence[Plan], mutant: Mutant
) -> Trial:
    plans = [*earlier, mutant.plan]
    return attempt(compiled, adapters, task, plans, kind=mutant.kind, approvals=mutant.approvals)
