"""What a ledger is told of one step."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bb_core.canonical import Json
from bb_runtime.job import Job
from bb_runtime.outcome import Outcome, Status
from bb_runtime.redact import args_view, result_view

KINDS: Mapping[Status, str] = {"skipped": "skipped", "refused": "refused", "parked": "parked"}
"""The record type of an outcome; every other one is a `result`."""


def recorded(job: Job, out: Outcome) -> Outcome:
    """Write an outcome down; an effect that cannot be recorded is parked, not passed over."""
    kind = KINDS.get(out.status, "result")
    # What a tool says of a fault may quote anything; its kind is enough for a ledger.
    why = out.fault or out.why
    body: dict[str, Json] = {
        "status": out.status,
        "why": why,
        "attempts": out.attempts,
        "key": out.key,
    }
    if out.done:
        view = result_view(job.schema, out.tool, out.result, job.settings.hide)
        body |= {"result_digest": job.settings.hide(out.result), "result": view}
    try:
        job.record(kind, out.step, out.tool, **said(job, out.tool, out.args), **body)
    except Exception as fault:
        happened = out.status in ("done", "parked") and job.schema.tools[out.tool].effect.acts
        why = f"the ledger takes no {kind}: {fault}" + (f"; {out.why}" if out.why else "")
        return replace(out, status="parked" if happened else "failed", why=why)
    return out


def said(job: Job, tool: str, args: Mapping[str, Any]) -> dict[str, Json]:
    """The salted hash and the presentable part of a call's arguments."""
    return {
        "args_digest": job.settings.hide(dict(args)),
        "args": args_view(job.schema, tool, args, job.settings.hide),
    }
