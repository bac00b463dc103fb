"""A run: plan, check, execute, observe, and plan again, up to a limit.

Nothing unchecked ever runs. A refused plan is asked for once more with the reasons, then the
fallback planner (the base rail) is asked, then the run stops. What earlier rounds established, spent
and read is carried in the state, so the policy holds over the run and not only inside one plan.

A round that only looked, or in which a step failed, is followed by another that sees the results;
the run ends when a round acted and was done, when a plan comes a second time, or at the limit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bb_core.canonical import Json, digest
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import PlanError
from bb_core.plan import Plan, value_json
from bb_core.record import Ledger, Record
from bb_core.state import State
from bb_core.verdict import Checked, Refused, Verdict, Violation, verdict_json

from bb_runtime.outcome import RunResult

End = Literal["done", "refused", "failed", "parked"]


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
    """What a planner is asked: the request, what earlier rounds saw, why its last plan was refused."""

    request: str
    observations: tuple[Observation, ...] = ()
    reasons: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan as text. `closed`: the token budget ended it, not the planner."""

    text: str
    closed: bool = False
    planner: str = "base"


Planner = Callable[[Ask], Draft]
Execute = Callable[[Checked, str], RunResult]


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

    def run(self, ident: str, request: str) -> Run:
        """Carry a request out, or stop; raises only what the ledger and the world raise."""
        state, done, observed = State(request=request), list[Round](), tuple[Observation, ...]()
        seen = set[str]()
        end: End = "done"
        for number in range(self.rounds or self.compiled.schema.limits.rounds):
            attempts = tuple(self._plan(ident, number, Ask(request, observed), state))
            verdict = attempts[-1].verdict
            if isinstance(verdict, Refused):
                done.append(Round(attempts))
                end = "refused"
                break
            if verdict.digest in seen:
                end = "done"
                break
            seen.add(verdict.digest)
            result = self.execute(verdict, f"{ident}-{number}")
            done.append(Round(attempts, result))
            observed += tuple(_observations(result))
            state = state.after(verdict, result.happened)
            state = replace(state, approvals=state.approvals | result.consents)
            if result.status == "parked" or (result.status == "done" and _acted(verdict, result)):
                end = result.status
                break
            if result.status == "refused":
                end = "refused"
                break
            end = "done" if result.status == "done" else "failed"
        self._record("done", ident, {"end": end, "rounds": len(done)})
        return Run(ident, request, tuple(done), state, end)

    def _plan(self, ident: str, number: int, ask: Ask, state: State) -> Iterator[Attempt]:
        """Attempts until one is let pass: twice the first planner, then each fallback once."""
        for planner in (self.planners[0], *self.planners):
            draft = planner(ask)
            body: dict[str, Json] = {"round": number, "planner": draft.planner, "closed": draft.closed}
            self._record("decoded", ident, {**body, "text": draft.text, "sha256": digest(draft.text.encode())})
            attempt = Attempt(draft, self._judge(draft, state))
            self._record("verdict", ident, verdict_json(attempt.verdict), attempt.verdict.plan)
            self.watch(attempt)
            yield attempt
            if isinstance(attempt.verdict, Checked):
                return
            ask = replace(ask, reasons=tuple(map(str, attempt.verdict.violations)), refused=draft.text)

    def _judge(self, draft: Draft, state: State) -> Verdict:
        empty = Plan(self.compiled.name, self.compiled.digest, ())
        try:
            plan = self.compiled.parse(draft.text)
        except PlanError as error:
            return Refused(empty, (Violation("S.syntax", "", str(error)),))
        verdict = check(self.compiled, plan, state)
        if draft.closed and isinstance(verdict, Checked) and _acts(verdict):
            found = "the token budget ended this plan, and it would act"
            return Refused(plan, (Violation("S.closed", "", found, "allow more tokens"),))
        return verdict

    def _record(self, kind: str, ident: str, body: dict[str, Json], plan: Plan | None = None) -> None:
        self.ledger(Record(kind, self.artifact, ident, plan.digest if plan else "", body))


def _acts(checked: Checked) -> bool:
    tools = checked.compiled.schema.tools
    return any(tools[step.tool].effect.acts for step in checked.plan.steps)


def _acted(checked: Checked, result: RunResult) -> bool:
    tools = checked.compiled.schema.tools
    return any(out.done and tools[out.tool].effect.acts for out in result.outcomes.values())


def _observations(result: RunResult) -> Iterator[Observation]:
    for out in result.outcomes.values():
        yield Observation(out.step, out.tool, value_json(out.args), out.status, out.result, out.why)
