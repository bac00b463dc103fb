"""A run: plan, check, execute, observe, and plan again, up to a limit.

Nothing unchecked ever runs. A refused plan is asked for once more with the reasons, then the
fallback planner (the base rail) is asked, then the run stops. What earlier rounds established,
spent and read is carried in the state, so the policy holds over the run and not only inside a plan.

When a round is followed by another, and when the run ends, `ending.py` says.

What a tool says of a fault is shown to the planner as it is, and carries labels (`tainted.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bb_core.canonical import Json, canonical, digest_json
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import PlanError
from bb_core.plan import Plan, to_json, value_json
from bb_core.record import Digests, Figures, Ledger, Record
from bb_core.state import State, read_state, state_json
from bb_core.verdict import Checked, Refused, Verdict, Violation, verdict_json
from bb_runtime.ending import Course, End
from bb_runtime.errors import PromptError
from bb_runtime.outcome import RunResult


@dataclass(frozen=True, slots=True)
class Observation:
    """What one earlier step did, for the next prompt. Results are data, never instructions."""

    step: str
    tool: str
    args: Json
    status: str
    result: Json
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a planner is asked: the request, what was seen, why its last plan was refused.

    `state` is what a plan will be checked against, where the asker has one.
    """

    request: str
    observations: tuple[Observation, ...] = ()
    reasons: tuple[str, ...] = ()
    refused: str = ""
    facts: frozenset[str] = frozenset()
    state: State | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan as text. `closed`: the token budget ended it, not the planner.

    `alpha` and `score`: how much a builder had to say, and the plan's log score under both. `cfs`:
    the share of choices the grammar had to refuse, where each was tried against it.
    """

    text: str
    closed: bool = False
    planner: str = "base"
    alpha: float | None = None
    score: float | None = None
    cfs: float | None = None


Planner = Callable[[Ask], Draft]
Execute = Callable[[Checked, str, Mapping[str, Json]], RunResult]
"""Carry a checked plan out under a run's id; the note is kept with it for whoever resumes."""

Keep = Callable[[Json], str]
"""Keep what the ledger names only by digest (texts, plans, states), and give that digest."""

MOST_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Attempt:
    """One draft and what became of it."""

    draft: Draft
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Round:
    """One round: the attempts at a plan, and the execution of the one that was let pass."""

    attempts: tuple[Attempt, ...]
    result: RunResult | None = None

    @property
    def checked(self) -> Checked | None:
        """The plan that ran, if any did."""
        last = self.attempts[-1].verdict
        return last if isinstance(last, Checked) else None


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run, for a person to read and for the next stage to learn from."""

    id: str
    request: str
    rounds: tuple[Round, ...]
    state: State
    end: End


@dataclass(frozen=True)
class Runner:
    """What a run needs: the domain, the planners in order of trust, and the only way to the tools.

    `planners[0]` plans and retries; the others are asked once each when it has been refused twice.
    """

    compiled: Compiled
    planners: Sequence[Planner]
    execute: Execute
    ledger: Ledger
    artifact: str
    rounds: int | None = None
    watch: Callable[[Attempt], None] = lambda attempt: None
    keep: Keep = digest_json
    digests: Digests = field(default_factory=Digests)

    def run(self, ident: str, request: str) -> Run:
        """Carry a request out, or stop; raises only what the ledger and the world raise."""
        return self._go(_Run(self, ident, State(request=request)))

    def carry(self, ident: str, plan: Plan, request: str = "", state: State | None = None) -> Run:
        """Carry a given plan out as the run's first round, or refuse it.

        With the `state` an earlier round left, it is the next round of that run.
        """
        run = _Run(self, ident, state or State(request=request))
        return self._go(run, (self._given(run, plan, "file"),))

    def resume(self, ident: str, plan: Plan, note: Mapping[str, Any]) -> Run:
        """Go on with a run that died while or after `plan` was carried out, as `note` was kept.

        The plan is checked again against the state it was checked with; nothing done is repeated.
        If it is refused now, nothing is done and the run stays open: what it began is not settled.
        """
        seen = tuple(Observation(**row) for row in note["observations"])
        run = _Run(self, ident, read_state(note["state"]), seen, note["plans"])
        attempt = self._given(run, plan, "resumed")
        if isinstance(attempt.verdict, Refused):
            return Run(ident, run.state.request, (Round((attempt,)),), run.state, "refused")
        return self._go(run, (attempt,))

    def _given(self, run: "_Run", plan: Plan, planner: str) -> Attempt:
        """The attempt that a plan nobody is asked for makes."""
        verdict = check(self.compiled, plan, run.state)
        self._said(run, verdict)
        text = canonical(to_json(plan)["steps"]).decode()
        attempt = Attempt(Draft(text, planner=planner), verdict)
        self.watch(attempt)
        return attempt

    def _go(self, run: "_Run", first: tuple[Attempt, ...] = ()) -> Run:
        most = min(self.rounds or MOST_ROUNDS, self.compiled.schema.limits.rounds)
        while run.course.end is None and run.state.rounds < most:
            attempts, first = first or tuple(self._plan(run)), ()
            run.take(attempts)
        end = run.course.end or run.course.last
        self._record("done", run.ident, {"end": end, "rounds": run.state.rounds})
        return Run(run.ident, run.state.request, tuple(run.done), run.state, end)

    def _plan(self, run: "_Run") -> Iterator[Attempt]:
        """Attempts until one is let pass: twice the first planner, then each fallback once."""
        facts = frozenset(name for name, _ in run.state.facts)
        ask = Ask(run.state.request, run.observed, facts=facts, state=run.state)
        for planner in (self.planners[0], *self.planners):
            try:
                draft = planner(ask)
            except PromptError as error:
                yield self._unasked(run, error)
                return
            told: dict[str, Json] = {
                "planner": draft.planner,
                "closed": draft.closed,
                "text": self.keep(draft.text),
                "figures": Figures(cfs=draft.cfs).to_json(),
                "digests": self.digests.to_json(),
            }
            if draft.score is not None:
                told |= {"alpha": draft.alpha, "score": round(draft.score, 6)}
            self._record("decoded", run.ident, {"round": run.state.rounds, **told})
            attempt = Attempt(draft, self._judge(draft, run.state))
            self._said(run, attempt.verdict)
            self.watch(attempt)
            yield attempt
            if isinstance(attempt.verdict, Checked) or run.course.knows(attempt.verdict.plan):
                return
            ask = replace(
                ask, reasons=tuple(map(str, attempt.verdict.violations)), refused=draft.text
            )

    def _unasked(self, run: "_Run", error: PromptError) -> Attempt:
        """The attempt that ends a run whose request is too long: no planner has read all of it."""
        empty = Plan(self.compiled.name, self.compiled.digest, ())
        verdict = Refused(empty, (Violation("S.long", "", error.found, error.fix),))
        self._said(run, verdict)
        attempt = Attempt(Draft("", planner="none"), verdict)
        self.watch(attempt)
        return attempt

    def _judge(self, draft: Draft, state: State) -> Verdict:
        try:
            plan = self.compiled.parse(draft.text)
        except PlanError as error:
            empty = Plan(self.compiled.name, self.compiled.digest, ())
            return Refused(empty, (Violation("S.syntax", "", str(error)),))
        verdict = check(self.compiled, plan, state)
        if draft.closed and isinstance(verdict, Checked) and _acts(verdict):
            found = "the token budget ended this plan, and it would act"
            return Refused(plan, (Violation("S.closed", "", found, "allow more tokens"),))
        return verdict

    def _said(self, run: "_Run", verdict: Verdict) -> None:
        """Record a verdict with what it takes to come to it again: the plan and the state.

        The texts of violations quote the plan, and are kept as it is.
        """
        self.keep(to_json(verdict.plan))
        body = {
            "domain": self.compiled.name,
            "state": self.keep(state_json(run.state)),
            **verdict_json(verdict, lambda text: self.keep(text) if text else ""),
        }
        self._record("verdict", run.ident, body, verdict.plan)

    def _record(
        self, kind: str, ident: str, body: dict[str, Json], plan: Plan | None = None
    ) -> None:
        self.ledger(Record(kind, self.artifact, ident, plan.digest if plan else "", body))


class _Run:
    """A run under way: what is behind it, and whether it has ended."""

    def __init__(
        self,
        runner: Runner,
        ident: str,
        state: State,
        observed: tuple[Observation, ...] = (),
        plans: Iterable[str] = (),
    ) -> None:
        self.runner, self.ident, self.state, self.observed = runner, ident, state, observed
        self.done: list[Round] = []
        self.course = Course(plans)

    def take(self, attempts: tuple[Attempt, ...]) -> None:
        """Carry out what was let pass, and take the state it leaves."""
        verdict = attempts[-1].verdict
        if self.course.knows(verdict.plan):
            self.course.repeated()
        elif isinstance(verdict, Refused):
            self.done.append(Round(attempts))
            self.course.end = "refused"
        else:
            self._carry_out(attempts, verdict)

    def _carry_out(self, attempts: tuple[Attempt, ...], verdict: Checked) -> None:
        result = self.runner.execute(verdict, self.ident, self._note())
        self.course.took(verdict, result)
        self.done.append(Round(attempts, result))
        self.observed += tuple(_observations(result))
        self.state = self.state.after(verdict, result.happened, result.consents, result.faults)

    def _note(self) -> dict[str, Json]:
        """All that `resume` needs to go on from before this round."""
        return {
            "state": state_json(self.state),
            "observations": [asdict(seen) for seen in self.observed],
            "plans": list[Json](sorted(self.course.plans)),
        }


def _acts(checked: Checked) -> bool:
    tools = checked.compiled.schema.tools
    return any(tools[step.tool].effect.acts for step in checked.plan.steps)


def _observations(result: RunResult) -> Iterator[Observation]:
    for out in result.outcomes.values():
        yield Observation(out.step, out.tool, value_json(out.args), out.status, out.result, out.why)
