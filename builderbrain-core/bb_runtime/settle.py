"""A call nobody saw the end of: was its effect made or not?

A `reconcile` tool gets those of the step's arguments it declares, and the key if it declares `key`.
It answers `{"happened": true, "result": …}`, or `{"happened": false}` only if the effect has not
happened and will not any more; every other answer, and none, parks the step for a person.

Where the tool names an `on_crash` tool, that is called before anything else, and the call itself is
never sent again: what was moving is brought to a halt, then a person looks.

Not covered: an effect that reaches the system after its tool said `happened: false`; a system that
does not halt by itself while nobody resumes the run.
"""

import time
from dataclasses import replace

from bb_core.errors import BuilderbrainError, ToolError
from bb_core.verdict import Guard
from bb_runtime.call import safe_to_repeat
from bb_runtime.intent import Intent
from bb_runtime.job import Job
from bb_runtime.outcome import Outcome
from bb_runtime.promise import kept
from bb_runtime.reach import Seen, held, send


def after_crash(job: Job, intent: Intent, seen: Seen, guards: tuple[Guard, ...]) -> Outcome | None:
    """What became of an intent of a process that is gone; None when the call is to be sent (again).

    A call that may be repeated is sent again while the guards' verdict is young, or if they hold
    once more.
    Guards that no longer hold may be the trace of the effect itself, so they settle nothing.
    """
    spec = job.schema.tools[intent.tool]
    lost = "the process ended between intent and result"
    if spec.on_crash:
        stopped = Outcome(intent.step, intent.tool, "failed", intent.args, key=intent.key)
        settled = settle(job, intent, seen, guards, lost)
        return settled or replace(stopped, why=f"{lost}; it did not happen and is not tried again")
    safe = safe_to_repeat(spec)
    if safe and young(intent, job.settings.guard_life_s):
        return None
    why = held_again(job, intent, seen, guards)
    if safe and not why:
        return None
    time.sleep(max(0.0, min(intent.at + spec.timeout_s - time.time(), spec.timeout_s)))
    settled = settle(job, intent, seen, guards, lost)
    if settled or not why:
        return settled
    return Outcome(intent.step, intent.tool, "refused", intent.args, why=why, key=intent.key)


def young(intent: Intent, life_s: float) -> bool:
    """Whether it was written within so many seconds; not where the clock was set back since."""
    return 0 <= time.time() - intent.at <= life_s


def held_again(job: Job, intent: Intent, seen: Seen, guards: tuple[Guard, ...]) -> str:
    """Why the guards do not let an intent pass any more; empty if they hold on fresh reads."""
    try:
        return held(job, intent.step, intent.tool, intent.args, seen, guards)
    except ToolError as fault:  # of its own words none: nothing is known of whose they are
        return f"a fresh read: {fault.kind}"
    except BuilderbrainError as error:
        return f"a fresh read: {error}"


def settle(
    job: Job, intent: Intent, seen: Seen, guards: tuple[Guard, ...], why: str
) -> Outcome | None:
    """Done or parked, by what the `reconcile` tool says; None when nothing surely happened."""
    tool = job.schema.tools[intent.tool].reconcile
    why = _halted(job, intent, why)
    parked = Outcome(intent.step, intent.tool, "parked", intent.args, why=why, key=intent.key)
    if tool is None:
        return _because(parked, f"{intent.tool} names no reconcile tool")
    takes = job.schema.tools[tool].args
    asked = {k: v for k, v in {**intent.args, "key": intent.key}.items() if k in takes}
    try:
        answer, attempts = send(job, intent.step, tool, asked, "")
    except ToolError as fault:
        return _because(parked, f"{tool}: {fault}")
    match answer:
        case {"happened": False}:
            return None
        case {"happened": True}:
            result = answer.get("result") if isinstance(answer, dict) else None
            out = Outcome(
                intent.step,
                intent.tool,
                "done",
                intent.args,
                result,
                key=intent.key,
                attempts=attempts,
            )
            return kept(job, out, seen, guards)
    return _because(parked, f"{tool} does not know either")


def _halted(job: Job, intent: Intent, why: str) -> str:
    """Call the tool's `on_crash`, on record first; what came of it, added to the reason."""
    tool = job.schema.tools[intent.tool].on_crash
    if tool is None:
        return why
    try:
        job.record("intent", intent.step, tool, key="", undoes="", crash=True)
        send(job, intent.step, tool, {}, "")
    except Exception as fault:
        return f"{why}; {tool} was called and failed: {fault}"
    return f"{why}; {tool} was called"


def _because(out: Outcome, more: str) -> Outcome:
    return Outcome(
        out.step,
        out.tool,
        out.status,
        out.args,
        None,
        "timeout_unknown",
        f"{out.why}; {more}",
        out.key,
    )
