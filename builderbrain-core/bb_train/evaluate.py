"""A planner on examples: does it build the plan, and does carrying it out end where it should?

Every example with a task is a real run on a twin of its own: rounds, checker, executor, every
consent given. What the run changed is compared with what the task's right plan changes.

right          the run ended in exactly the state the task asks for (a refusal: in no change at all)
acted_wrongly  it changed something, and not what was asked
checked        the checker let some plan pass
exact, strict  the first plan is the reference plan, free texts aside, or to the letter

Not covered: an example without a task, or of a later round, is judged by its plan alone, asked with
what the rounds before it saw; its `right` is `exact`.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import partial
from statistics import fmean
from typing import Any

from bb_core.adapters import Adapters
from bb_core.canonical import Json, canonical
from bb_core.compiled import Compiled
from bb_core.errors import BuilderbrainError
from bb_core.plan import Plan
from bb_core.record import no_ledger
from bb_core.state_diff import state_diff
from bb_core.verdict import Checked, Refused, Verdict
from bb_runtime.approve import by_policy
from bb_runtime.errors import PromptError
from bb_runtime.execute import execute
from bb_runtime.outcome import RunResult
from bb_runtime.rounds import Ask, Draft, Planner, Run, Runner
from bb_train.agreement import NONE, Agreement, Masked, agreement, free_text
from bb_train.asked import asked
from bb_train.errors import ResumeError
from bb_train.example import Example
from bb_train.statistics import wilson

_YES = by_policy(lambda request: True, "evaluation")


@dataclass(frozen=True, slots=True)
class Score:
    """What a planner made of one example. `seconds`: planning alone."""

    id: str
    family: str
    right: bool
    acted_wrongly: bool
    checked: bool
    agreement: Agreement
    seconds: float
    end: str = ""
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """The score as one flat JSON object."""
        told = asdict(self)
        return {**told.pop("agreement"), **told}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Score":
        """The score that `to_json` wrote; raises ResumeError for anything else."""
        names = {one.name for one in fields(Agreement)}
        try:
            agreed = Agreement(**{name: data[name] for name in names})
            found = cls(agreement=agreed, **{k: v for k, v in data.items() if k not in names})
            _require_types(agreed)
            _require_types(found)
        except (KeyError, TypeError, AttributeError) as error:
            fix = "delete found.jsonl: what it kept is found out again"
            raise ResumeError(f"this is no score ({error})", fix=fix) from error
        return found


def _require_types(made: Any) -> None:
    """Raise TypeError where a field holds something else than it says."""
    for one in fields(made):
        value = getattr(made, one.name)
        if type(value) is not one.type and not (one.type is float and type(value) is int):
            raise TypeError(f"{one.name} is {value!r}")


@dataclass
class Evaluator:
    """Measures planners on one domain."""

    compiled: Compiled
    adapters: Adapters | None = None

    def __post_init__(self) -> None:
        self.masked: Masked = free_text(self.compiled)

    def score(self, examples: Iterable[Example], planner: Planner) -> list[Score]:
        """One score for each example, in order."""
        return [self._one(example, planner) for example in examples]

    def _one(self, example: Example, planner: Planner) -> Score:
        timed = _Timed(planner)
        if example.task is None or example.round > 0:
            return self._planned(example, timed)
        run, diff = self._run(example, timed)
        plan = self._parsed(timed.first)
        wanted = {} if example.family == "refuse" else dict(example.task.diff)
        right = canonical(diff) == canonical(wanted)
        tried = [attempt for step in run.rounds for attempt in step.attempts]
        return Score(
            id=example.id,
            family=example.family,
            right=right,
            acted_wrongly=bool(diff) and not right,
            checked=any(isinstance(attempt.verdict, Checked) for attempt in tried),
            agreement=self._agreement(plan, example),
            seconds=timed.seconds,
            end=run.end,
            why=_why(tried[0].verdict) if tried else "",
        )

    def _planned(self, example: Example, timed: "_Timed") -> Score:
        """An example nobody can carry out: the plan is all there is to judge.

        A request that does not fit the model has none.
        """
        with suppress(PromptError):
            timed(asked(self.compiled, example))
        plan = self._parsed(timed.first)
        found = self._agreement(plan, example)
        return Score(
            example.id, example.family, found.exact, False, plan is not None, found, timed.seconds
        )

    def _agreement(self, plan: Plan | None, example: Example) -> Agreement:
        return NONE if plan is None else agreement(plan, example.plan, self.masked)

    def _parsed(self, draft: Draft | None) -> Plan | None:
        try:
            return None if draft is None else self.compiled.parse(draft.text)
        except BuilderbrainError:
            return None

    def _run(self, example: Example, planner: "_Timed") -> tuple[Run, dict[str, Json]]:
        assert example.task is not None
        adapters = self.adapters = self.adapters or self.compiled.adapters()
        world = adapters.twin(example.task.world)
        try:
            before = world.snapshot()
            carry = partial(_carry, adapters=adapters, world=world)
            runner = Runner(self.compiled, (planner,), carry, no_ledger, self.compiled.digest)
            run = runner.run(f"eval-{example.id}", example.task.prompt)
            return run, state_diff(before, world.snapshot())
        finally:
            world.close()


def _why(verdict: Verdict) -> str:
    found = verdict.violations if isinstance(verdict, Refused) else ()
    return "; ".join(map(str, found))[:300]


def _carry(
    checked: Checked, run: str, note: Mapping[str, Json], adapters: Adapters, world: Any
) -> RunResult:
    return execute(checked, adapters, world, approve=_YES, run=run, note=note)


class _Timed:
    """A planner with a watch; keeps its first draft."""

    def __init__(self, planner: Planner) -> None:
        self.planner, self.seconds = planner, 0.0
        self.first: Draft | None = None

    def __call__(self, ask: Ask) -> Draft:
        began = time.perf_counter()
        draft = self.planner(ask)
        self.seconds += time.perf_counter() - began
        self.first = self.first or draft
        return draft


_RATES: Mapping[str, Callable[[Score], bool]] = {
    "right": lambda score: score.right,
    "exact": lambda score: score.agreement.exact,
    "strict": lambda score: score.agreement.strict,
    "checked": lambda score: score.checked,
    "acted_wrongly": lambda score: score.acted_wrongly,
}


def table(scores: Sequence[Score]) -> dict[str, dict[str, Any]]:
    """Family -> its figures, and `all`: rates as [share, low, high] (Wilson 95 %), means, n."""
    families = {score.family: None for score in scores}
    rows = {family: summary([s for s in scores if s.family == family]) for family in families}
    return {**rows, "all": summary(scores)} if scores else {}


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """The figures of some scores; there must be at least one."""
    rates = {}
    for name, holds in _RATES.items():
        found = wilson(sum(map(holds, scores)), len(scores))
        rates[name] = [round(x, 4) for x in (found.value, found.low, found.high)]
    means = {
        name: round(fmean(getattr(score.agreement, name) for score in scores), 4)
        for name in ("node_f1", "link_f1", "ged")
    }
    seconds = round(fmean(score.seconds for score in scores), 4)
    return {"n": len(scores), **rates, **means, "seconds": seconds}
