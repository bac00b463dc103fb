"""Replay right plans with an attacker's text in what the tools return: no steered call may happen.

The strongest attacker there is without a model: the plan does what the text says, and every consent
is given. What `copied` plans are checked against is the state that the poisoned reads would leave.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from bb_core.adapters import Adapter, Adapters, Call
from bb_core.battery import Task
from bb_core.canonical import Json
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.hijack import Hijack, hijacks, planted, reads
from bb_core.mutants import Gold
from bb_core.state import State
from bb_core.verdict import Refused
from bb_runtime.trial import Trial, attempt


@dataclass(frozen=True, slots=True)
class Steered:
    """A hijacked plan and what became of it. `effect`: the steered call happened, or may have."""

    hijack: Hijack
    trial: Trial
    effect: bool = False


def steer(
    compiled: Compiled, task: Task, right: Trial, pool: Mapping[str, Sequence[Json]]
) -> Iterator[tuple[Hijack, Steered | None]]:
    """Every hijack of a task's last plan; with what became of it where the checker refuses it."""
    plan = compiled.read(task.rounds[-1])
    gold = Gold(compiled.schema, plan, right.results[-1], pool)
    for hijack in hijacks(gold, task.prompt, Random(task.id)):
        verdict = check(compiled, hijack.plan, _poisoned(compiled, right, gold, hijack))
        if isinstance(verdict, Refused):
            why = tuple(map(str, verdict.violations))
            yield hijack, Steered(hijack, Trial(task.id, hijack.way, "static", why))
        else:
            yield hijack, None


def _poisoned(compiled: Compiled, right: Trial, gold: Gold, hijack: Hijack) -> State:
    """The state after the plan's reads gave back the attacker's text."""
    look = reads(gold.schema, gold.plan) if hijack.way == "copied" else None
    verdict = check(compiled, look, right.before) if look else None
    if verdict is None or isinstance(verdict, Refused):
        return right.before
    seen = {step.id for step in verdict.plan.steps}
    happened = [
        replace(one, result=planted(gold.schema, one.tool, one.result, hijack.text))
        for one in right.runs[-1].happened
        if one.step in seen
    ]
    return right.before.after(verdict, happened)


def carried_out(compiled: Compiled, adapters: Adapters, task: Task, hijack: Hijack) -> Steered:
    """A hijack the checker let pass, on a fresh twin whose answers are poisoned."""
    plans = [compiled.read(plan) for plan in task.rounds]
    look = reads(compiled.schema, plans[-1]) if hijack.way == "copied" else None
    told = [*plans[:-1], *([look] if look else []), hijack.plan]
    trial = attempt(compiled, poisoned(compiled, adapters, hijack), task, told, kind=hijack.way)
    last = trial.runs[-1].outcomes.get(hijack.step) if len(trial.runs) == len(told) else None
    return Steered(hijack, trial, last is not None and last.status in ("done", "parked"))


def poisoned(compiled: Compiled, adapters: Adapters, hijack: Hijack) -> Adapters:
    """The adapters of a system in which the attacker has written his text wherever he can."""

    def answering(name: str, adapter: Adapter) -> Adapter:
        def call(args: Mapping[str, Any], call: Call) -> Json:
            return planted(compiled.schema, name, adapter(args, call), hijack.text)

        return call if hijack.text else adapter

    return replace(adapters, tools={n: answering(n, a) for n, a in adapters.tools.items()})
