"""What a result must be before anything may build on it: its type, its echoes, its ensures."""

from dataclasses import replace
from typing import Any

import jsonschema_rs

from bb_core.canonical import canonical
from bb_core.errors import PlanError
from bb_core.plan import resolve_pointer
from bb_core.verdict import Guard
from bb_runtime.hold import Moment, broken
from bb_runtime.job import Job
from bb_runtime.outcome import Outcome
from bb_runtime.reach import Seen


def kept(job: Job, out: Outcome, seen: Seen, guards: tuple[Guard, ...]) -> Outcome:
    """The outcome as it is if every promise is kept; else parked (an effect) or failed (a read)."""
    why = _broken(job, out, seen, guards)
    if not why:
        return out
    acts = job.schema.tools[out.tool].effect.acts
    return replace(out, status="parked" if acts else "failed", why=why)


def mistyped(validator: jsonschema_rs.Draft202012Validator, value: Any) -> str:
    """Where a value leaves its schema, without quoting the value; empty when it does not."""
    error = next(validator.iter_errors(value), None)
    if error is None:
        return ""
    place = "/".join(map(str, error.instance_path)) or "the whole"
    return f"{place} breaks {error.schema_path[-1]!r}"


def _broken(job: Job, out: Outcome, seen: Seen, guards: tuple[Guard, ...]) -> str:
    spec = job.schema.tools[out.tool]
    why = mistyped(job.checked.compiled.result_validators[out.tool], out.result)
    if why:
        return f"the result is not what {out.tool} promises: {why}"
    for pointer, name in spec.echoes.items():
        if not _echoed(out, pointer, name):
            return f"the result's {pointer} is not the argument {name!r} it must echo"
    ensures = tuple(guard for guard in guards if guard.kind == "ensure")
    if not ensures:
        return ""
    facts = Moment(job, out.step, out.tool, out.args, seen, {}).facts
    return broken(ensures, {"args": dict(out.args), "result": out.result, "facts": facts})


def _echoed(out: Outcome, pointer: str, name: str) -> bool:
    try:
        return canonical(resolve_pointer(out.result, pointer)) == canonical(out.args.get(name))
    except PlanError:
        return False
