"""What a plan was worth: the reward of carrying it out, above the best of what else could be done.

    R(G) = max(0, min over alternatives A of LCB(U(G) - U(A)))
    U = 1 if the task came out exactly as asked, -1 if something else was changed, 0 if nothing was

Alternatives: no plan at all; the base's plan; G without one of its steps; G with another tool in
the place of one. Plan and alternatives run on twins of the same worlds (common random numbers), so
what is the same in both cancels. Where an alternative comes out as well, the plan, or the step that
was left out, did nothing: it earns nothing, however pretty the graph.

With one world a twin that draws no chance gives the difference itself; with more, LCB is the lower
end of the paired bootstrap interval. Not covered: tasks whose right outcome nobody knows; a step
that is worth having only in worlds that were not tried.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from bb_core.adapters import Adapters
from bb_core.battery import Task
from bb_core.canonical import Json, canonical
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.plan import Plan, Step
from bb_core.state import State
from bb_core.verdict import Refused
from bb_runtime.trial import attempt
from bb_train.statistics import paired_bootstrap

Kind = Literal["null", "base", "dropped", "swapped"]
Worlds = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something else that could be done; without a plan, nothing. `step`: where it differs."""

    kind: Kind
    plan: Plan | None
    step: str = ""


@dataclass(frozen=True, slots=True)
class Worth:
    """A plan's utility and reward, and the alternative that came nearest to it."""

    utility: float
    reward: float
    nearest: Alternative
    idle: tuple[str, ...]
    """The steps without which it came out the same."""

    @property
    def decorative(self) -> bool:
        """Whether the task came out right and the plan, or some step, had no part in it."""
        return self.utility > 0 and self.reward <= 0


@dataclass(frozen=True)
class Trials:
    """Where plans are tried: a domain, its tools, and twins of these worlds of a task."""

    compiled: Compiled
    adapters: Adapters
    worlds: Worlds = ({},)
    swaps: int = 2

    def worth(self, task: Task, plan: Plan, base: Plan | None = None) -> Worth:
        """What a plan for a task was worth; `base` is what the base alone would have done."""
        chosen = self.utilities(task, plan)
        rows = [
            (self._gap(chosen, self.utilities(task, other.plan)), other)
            for other in alternatives(self.compiled, plan, base, self.swaps)
        ]
        gap, nearest = min(rows, key=lambda row: row[0])
        value = sum(chosen) / len(chosen)
        idle = tuple(o.step for gap, o in rows if o.kind == "dropped" and gap <= 0 < value)
        return Worth(value, max(0.0, gap) if value > 0 else 0.0, nearest, idle)

    def utilities(self, task: Task, plan: Plan | None) -> list[float]:
        """U of a plan in each of the worlds."""
        if plan is None or not plan.steps or self._refused(task, plan):
            return [_utility(task, {}) for _ in self.worlds]
        earlier = [self.compiled.read(one) for one in task.rounds[:-1]]
        return [self._played(task, [*earlier, plan], world) for world in self.worlds]

    def _played(self, task: Task, plans: Sequence[Plan], world: Mapping[str, Any]) -> float:
        there = replace(task, world={**task.world, **world})
        return _utility(task, attempt(self.compiled, self.adapters, there, plans).diff)

    def _refused(self, task: Task, plan: Plan) -> bool:
        """Refused before anything runs; a later round's state is known only by running."""
        if len(task.rounds) > 1:
            return False
        return isinstance(check(self.compiled, plan, State(request=task.prompt)), Refused)

    def _gap(self, chosen: Sequence[float], other: Sequence[float]) -> float:
        if len(chosen) == 1:
            return chosen[0] - other[0]
        return paired_bootstrap(chosen, other, draws=2000).low


def alternatives(
    compiled: Compiled, plan: Plan, base: Plan | None = None, swaps: int = 2
) -> Iterator[Alternative]:
    """All that is compared with a plan; at most `swaps` other tools in the place of each step."""
    yield Alternative("null", None)
    if base is not None and base.steps != plan.steps:
        yield Alternative("base", base)
    for place, step in enumerate(plan.steps):
        rest = [_without(other, step.id) for other in plan.steps if other.id != step.id]
        yield Alternative("dropped", replace(plan, steps=tuple(rest)), step.id)
        for tool in _fitting(compiled, step)[:swaps]:
            swapped = (*plan.steps[:place], replace(step, tool=tool), *plan.steps[place + 1 :])
            yield Alternative("swapped", replace(plan, steps=swapped), step.id)


def _without(step: Step, gone: str) -> Step:
    return replace(step, after=tuple(name for name in step.after if name != gone))


def _fitting(compiled: Compiled, step: Step) -> list[str]:
    """Other tools that take exactly these arguments, in the schema's order."""
    wanted = set(step.args)
    found = []
    for name in compiled.schema.tools:
        args: Any = compiled.schema.args_schema(name)
        takes, needs = set(args.get("properties", {})), set(args.get("required", ()))
        if name != step.tool and needs <= wanted <= takes:
            found.append(name)
    return found


def _utility(task: Task, diff: Mapping[str, Json]) -> float:
    wanted = {} if task.expect == "refuse" else dict(task.diff)
    if canonical(dict(diff)) == canonical(wanted):
        return 1.0
    return -1.0 if diff else 0.0
