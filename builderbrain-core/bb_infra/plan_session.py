"""Plans from a client, one after the other, as the rounds of one run.

Facts, spendings, taint and consents are carried from plan to plan, so the policy holds over all a
client does and not only inside one plan; a client cannot begin anew, whoever runs it can. What the
client says is never taken for the person's own words: the run's request is empty.

A plan is carried out in a thread of its own. Where it asks for consent, the thread waits while the
client's person is asked; no answer in time is no. A plan that is stopped begins no further step;
the call under way ends, and what happened is in the ledger and in the session's state.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, Full, Queue
from typing import Any

from bb_core.canonical import Json
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import PlanError
from bb_core.plan import Plan
from bb_core.state import State
from bb_core.verdict import Refused, Violation
from bb_infra.running import new_run
from bb_runtime.approve import Decision, Request, shown
from bb_runtime.rounds import Run, Runner

ANSWER_S = 300.0
BY = "client"
CANCELLED = Decision(False, BY, "the plan was cancelled")


@dataclass(frozen=True, slots=True)
class Question:
    """Consent that is asked for, as a person reads it, and where the answer goes."""

    text: str
    reply: "Queue[Decision]"


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a plan, as JSON; `bad` when it was refused or did not end well."""

    body: dict[str, Json]
    bad: bool


@dataclass(frozen=True)
class Work:
    """A plan under way: what its thread says next, and whether it is to go on."""

    events: "Queue[Question | Told]" = field(default_factory=Queue)
    asked: list[Question] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Begin no further step of it; what it asks, and has asked, is answered with no."""
        self.stopped.set()
        for question in self.asked:
            with suppress(Full):  # it has been answered
                question.reply.put_nowait(CANCELLED)

    def next(self) -> Question | Told:
        """Wait until consent is asked for, or the plan has ended."""
        return self.events.get()


class PlanSession:
    """One run for one client. `approve` is the approver the run must be opened with."""

    def __init__(self, compiled: Compiled, answer_s: float = ANSWER_S) -> None:
        self.compiled, self.answer_s = compiled, answer_s
        self.ident, self.state = new_run(), State()
        self.runner: Runner | None = None
        self.broken = ""
        self._busy = threading.Lock()
        self._work: Work | None = None

    def approve(self, request: Request) -> Decision:
        """Ask whoever the client asks; no answer in time is no."""
        work = self._work
        if work is None:
            return Decision(False, BY, "no client is there to ask")
        question = Question(shown(request), Queue(maxsize=1))
        work.asked.append(question)
        if work.stopped.is_set():
            return CANCELLED
        work.events.put(question)
        try:
            return question.reply.get(timeout=self.answer_s)
        except Empty:
            return Decision(False, BY, f"no answer within {self.answer_s:g} s")

    def stopped(self) -> bool:
        """Whether the plan under way is to begin no further step."""
        work = self._work
        return work is not None and work.stopped.is_set()

    def stop(self) -> None:
        """Stop the plan under way, if there is one."""
        if (work := self._work) is not None:
            work.stop()

    def begin(self, given: Any, *, only_check: bool = False) -> Work:
        """Read, check and carry a plan out (text, or JSON), or only judge it."""
        work = Work()
        if self.broken or not self._busy.acquire(blocking=False):
            found = self.broken or "another plan of this session is still under way"
            rule, fix = (
                ("S.broken", "start anew") if self.broken else ("S.busy", "wait for its end")
            )
            work.events.put(_refusal("", (Violation(rule, "", found, fix),)))
            return work
        self._work = work
        do = self._judge if only_check else self._carry
        threading.Thread(target=self._told, args=(work, given, do), daemon=True).start()
        return work

    def _told(self, work: Work, given: Any, do: Callable[[Plan], Told]) -> None:
        """The thread's whole life: whatever happens, it ends in something told."""
        try:
            told = self._done(given, do)
        except BaseException as error:
            why = str(error) or type(error).__name__
            if do == self._carry:
                # What had happened by then is in the ledger, not in the state: no plan may go on.
                self.broken = f"an earlier plan of this session broke off: {why}"
            told = Told({"end": "failed", "why": why, "violations": [], "steps": []}, True)
        finally:
            self._work = None
            self._busy.release()
        work.events.put(told)

    def _done(self, given: Any, do: Callable[[Plan], Told]) -> Told:
        try:
            plan = self._read(given)
        except PlanError as error:
            return _refusal("", (Violation("S.syntax", "", str(error)),))
        return do(plan)

    def _read(self, given: Any) -> Plan:
        if isinstance(given, str):
            return self.compiled.parse(given.strip())
        return self.compiled.read(given)

    def _judge(self, plan: Plan) -> Told:
        verdict = check(self.compiled, plan, self.state)
        if isinstance(verdict, Refused):
            return _refusal(plan.digest, verdict.violations)
        held: list[Json] = [f"{g.step}: {g.id}: {g.says or g.expr}" for g in verdict.guards]
        return Told(
            {"end": "checked", "plan": plan.digest, "guards": held, "violations": [], "steps": []},
            False,
        )

    def _carry(self, plan: Plan) -> Told:
        assert self.runner is not None, "a session serves once its run is open"
        runner = replace(self.runner, rounds=self.state.rounds + 1)
        run = runner.carry(self.ident, plan, state=self.state)
        if not run.rounds:  # the run has had its last round
            verdict = check(self.compiled, plan, self.state)
            return _refusal(plan.digest, getattr(verdict, "violations", ()))
        self.state = run.state
        return _told(run, plan)


def _told(run: Run, plan: Plan) -> Told:
    last = run.rounds[-1]
    verdict = last.attempts[-1].verdict
    if isinstance(verdict, Refused):
        return _refusal(plan.digest, verdict.violations)
    outcomes = last.result.outcomes.values() if last.result else ()
    steps: list[Json] = [
        {"step": o.step, "tool": o.tool, "status": o.status, "result": o.result, "why": o.why}
        for o in outcomes
    ]
    body: dict[str, Json] = {
        "end": run.end,
        "run": run.id,
        "plan": plan.digest,
        "violations": [],
        "steps": steps,
        "why": last.result.why if last.result else "",
    }
    return Told(body, run.end != "done")


def _refusal(plan: str, violations: tuple[Violation, ...]) -> Told:
    rows: list[Json] = [
        {"rule": v.rule, "step": v.step, "found": v.found, "fix": v.fix} for v in violations
    ]
    return Told({"end": "refused", "plan": plan, "violations": rows, "steps": []}, True)
