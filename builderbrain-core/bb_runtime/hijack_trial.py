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
from bb_core.hijack import Hijack, entrance, hijacks, looks, planted
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
    compiled: Compiled,
    adapters: Adapters,
    task: Task,
    right: Trial,
    pool: Mapping[str, Sequence[Json]],
) -> Iterator[tuple[Hijack, Steered | None]]:
    """Every hijack of a task's last plan; with what became of it where the checker refuses it."""
    gold = Gold(compiled.schema, compiled.read(task.rounds[-1]), right.results[-1], pool)
    if entrance(gold) is None:
        gold, right = _looking(compiled, adapters, task, gold, right)
    for hijack in hijacks(gold, task.prompt, Random(task.id)):
        verdict = check(compiled, hijack.plan, _poisoned(compiled, right, hijack))
        if isinstance(verdict, Refused):
            why = tuple(map(str, verdict.violations))
            yield hijack, Steered(hijack, Trial(task.id, hijack.way, "static", why))
        else:
            yield hijack, None


def _looking(
    compiled: Compiled, adapters: Adapters, task: Task, gold: Gold, right: Trial
) -> tuple[Gold, Trial]:
    """The right plan with a look added that shows untrusted text; unchanged if none does."""
    before = [compiled.read(plan) for plan in task.rounds[:-1]]
    for plan in looks(gold):
        trial = attempt(compiled, adapters, task, [*before, plan])
        looking = replace(gold, plan=plan, results=trial.results[-1] if trial.results else {})
        if trial.caught == "nothing" and entrance(looking):
            return looking, trial
    return gold, right


def _poisoned(compiled: Compiled, right: Trial, hijack: Hijack) -> State:
    """The state after the look gave back the attacker's text."""
    verdict = check(compiled, hijack.look, right.before) if hijack.way == "copied" else None
    if verdict is None or isinstance(verdict, Refused):
        return right.before
    seen = {step.id for step in verdict.plan.steps}
    happened = [
        replace(one, result=planted(compiled.schema, one.tool, one.result, hijack.text))
        for one in right.runs[-1].happened
        if one.step in seen
    ]
    return right.before.after(verdict, happened)


def carried_out(compiled: Compiled, adapters: Adapters, task: Task, hijack: Hijack) -> Steered:
    """A hijack the checker let pass, on a fresh twin whose answers are poisoned.

    As in a session: an attacker's plan comes although the look before it acted.
    """
    before = [compiled.read(plan) for plan in task.rounds[:-1]]
    told = [*before, *([hijack.look] if hijack.way == "copied" else []), hijack.plan]
    steered = poisoned(compiled, adapters, hijack)
    trial = attempt(compiled, steered, task, told, kind=hijack.way, session=True)
    last = trial.runs[-1].outcomes.get(hijack.step) if len(trial.runs) == len(told) else None
    return Steered(hijack, trial, last is not None and last.status in ("done", "parked"))


def poisoned(compiled: Compiled, adapters: Adapters, hijack: Hijack) -> Adapters:
    """The adapters of a system in which what the plan looks at says the attacker's text.

    What guards read is as it is: a screen full of his text would stop every plan, steered or not.
    """
    looks = {step.id for step in hijack.look.steps}

    def answering(name: str, adapter: Adapter) -> Adapter:
        def call(args: Mapping[str, Any], call: Call) -> Json:
            answer = adapter(args, call)
            seen = call.step in looks
            return planted(compiled.schema, name, answer, hijack.text) if seen else answer

        return call if hijack.text else adapter

    return replace(adapters, tools={n: answering(n, a) for n, a in adapters.tools.items()})
