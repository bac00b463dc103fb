"""One step, from its references to its recorded result.

    prepare   resolve -> condition -> consent -> types -> fresh reads -> guards -> intent record
    act       effect, with its key and time limit -> type, echoes and promises -> result record

The two halves are checkpointed apart. An intent without a result after a crash means that nobody
knows whether the effect happened: a tool that takes a key is sent the same call again, any other is
asked through its `reconcile` tool or parked for a person. Nothing is ever sent again blindly.

Where so much time lies between the halves that the guards' verdict is old (a database that is busy,
a machine that slept), they are held once more. Not covered: what happens within that time.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bb_core.canonical import Json
from bb_core.errors import BuilderbrainError, PlanError, ToolError
from bb_core.plan import Step, substitute, value_json
from bb_core.verdict import Guard
from bb_runtime.approve import Proposed, Request
from bb_runtime.call import safe_to_repeat
from bb_runtime.condition import condition
from bb_runtime.intent import Intent, Prepared, fresh_key, intent_key
from bb_runtime.job import Job
from bb_runtime.outcome import Outcome
from bb_runtime.progress import Event
from bb_runtime.promise import kept, mistyped
from bb_runtime.reach import Seen, held, send
from bb_runtime.recorded import recorded, said
from bb_runtime.settle import after_crash, held_again, settle, young

FRESH_S = 2.0
"""Older than this, what the guards read is read again before the call."""
STOPPED = "the run was stopped before this step began"
APPROVED: Json = {"approved": True}
"""The result of an approving tool that has no adapter of its own."""


def prepare(job: Job, step: Step, seen: Seen) -> Prepared:
    """The step's intent, recorded, or the outcome that makes it needless or forbidden."""
    results = {ident: out.result for ident, out in seen.items() if out.done}
    if job.settings.stopped():
        return recorded(job, Outcome(step.id, step.tool, "refused", why=STOPPED))
    try:
        if step.when and not condition(step.when, results):
            why = f"{step.when.ref} {step.when.op} {step.when.value!r} is false"
            return recorded(job, Outcome(step.id, step.tool, "skipped", why=why))
        args: Any = substitute(step.args, results)
        consents = _consent(job, step, results, args) if job.spec(step).approves else ()
    except BuilderbrainError as error:
        return recorded(job, Outcome(step.id, step.tool, "refused", why=str(error)))
    guards = job.checked.guards_of(step.id)
    prepared = intend(job, step.id, step.tool, args, seen, guards)
    return replace(prepared, consents=consents) if isinstance(prepared, Intent) else prepared


def intend(
    job: Job,
    ident: str,
    tool: str,
    args: Mapping[str, Any],
    seen: Seen,
    guards: tuple[Guard, ...],
    *,
    key: str = "",
    undoes: str = "",
) -> Prepared:
    """A recorded intent to make this call, or the outcome of a call that may not be made."""
    spec = job.schema.tools[tool]
    try:
        why = mistyped(job.checked.compiled.validators[tool], dict(args))
        why = f"S.type: {why}" if why else held(job, ident, tool, args, seen, guards)
    except ToolError as fault:
        out = Outcome(ident, tool, "failed", args, fault=fault.kind, why=f"a fresh read: {fault}")
        return recorded(job, out)
    except BuilderbrainError as error:
        why = str(error)
    if why:
        return recorded(job, Outcome(ident, tool, "refused", args, why=why))
    if not spec.effect.acts:
        return Intent(ident, tool, args, "", time.time(), job.incarnation)
    own = intent_key(job.checked.plan.domain, tool, spec, args, job.run)
    key = key or fresh_key(own, job.checked.state.undone)
    try:
        job.record("intent", ident, tool, **said(job, tool, args), key=key, undoes=undoes)
    except Exception as fault:
        # No record, no effect: the ledger is written ahead or nothing is sent.
        return Outcome(ident, tool, "failed", args, why=f"the ledger takes no intent: {fault}")
    return Intent(ident, tool, args, key, time.time(), job.incarnation, undoes=undoes)


def act(job: Job, intent: Intent, seen: Seen, guards: tuple[Guard, ...]) -> Outcome:
    """Carry an intent out and record what became of it."""
    spec, out = job.schema.tools[intent.tool], None
    again = intent.by != job.incarnation
    if again and spec.effect.acts:
        out = after_crash(job, intent, seen, guards)
    elif spec.effect.acts and not young(intent, min(FRESH_S, job.settings.guard_life_s)):
        why = held_again(job, intent, seen, guards)
        late = Outcome(intent.step, intent.tool, "refused", intent.args, why=why, key=intent.key)
        out = late if why else None
    # What was reconciled before it is sent again has surely not happened; a keyed call may have.
    unknown = again and safe_to_repeat(spec)
    out = out or _effect(job, intent, seen, guards, unknown)
    return recorded(job, replace(out, consents=intent.consents))


def _effect(
    job: Job, intent: Intent, seen: Seen, guards: tuple[Guard, ...], unknown: bool
) -> Outcome:
    """Send the call; `unknown`: an earlier process may have sent it, so a fault proves nothing."""
    spec = job.schema.tools[intent.tool]
    out = Outcome(intent.step, intent.tool, "done", intent.args, key=intent.key)
    if spec.approves and intent.tool not in job.adapters.tools:
        return kept(job, replace(out, result=APPROVED), seen, guards)
    try:
        result, attempts = send(job, intent.step, intent.tool, intent.args, intent.key)
    except ToolError as fault:
        failed = replace(out, status="failed", fault=fault.kind, why=str(fault))
        if not spec.effect.acts or (fault.kind != "timeout_unknown" and not unknown):
            return failed
        known = settle(job, intent, seen, guards, str(fault))
        return known or replace(failed, why=f"{fault}; reconciled: it did not happen")
    return kept(job, replace(out, result=result, attempts=attempts), seen, guards)


def _consent(
    job: Job, step: Step, results: Mapping[str, Json], args: Mapping[str, Any]
) -> tuple[str, ...]:
    """The digests consented to; raises PlanError when consent is withheld."""
    calls = [
        _proposed(job, other, {**results, step.id: APPROVED})
        for other in job.checked.plan.steps
        if step.id in other.after
    ]
    job.progress(Event(job.run, step.id, step.tool, "waiting", f"consent to {len(calls)} calls"))
    request = Request(job.run, step.id, step.tool, args, tuple(call for call, _ in calls))
    try:
        decision = job.approve(request)
    except Exception as error:
        raise PlanError(
            f"not approved: the approver ended with {type(error).__name__}: {error}"
        ) from error
    if decision.approved is not True:
        raise PlanError(
            f"not approved by {decision.by}" + (f": {decision.why}" if decision.why else "")
        )
    digests = tuple(call.digest for call, whole in calls if whole)
    try:
        job.record("approved", step.id, step.tool, approvals=list(digests), who=decision.by)
    except Exception as fault:
        raise PlanError(f"the ledger takes no approval: {fault}") from fault
    return digests


def _proposed(job: Job, step: Step, results: Mapping[str, Json]) -> tuple[Proposed, bool]:
    """A call as it will be shown, and whether it is known whole and so can be consented to."""
    try:
        args: Any = substitute(step.args, results)
        return Proposed(step.id, step.tool, job.spec(step).does, args), True
    except PlanError:
        shown: Any = value_json(step.args)
        return Proposed(step.id, step.tool, job.spec(step).does, shown), False
