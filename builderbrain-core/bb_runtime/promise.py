"""What a result must be before anything may build on it: its type, its echoes, its ensures."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from bb_core.canonical import Json, canonical
from bb_core.errors import PlanError
from bb_core.plan import resolve_pointer
from bb_core.schema import FactCall
from bb_core.state import given, is_key, look
from bb_core.verdict import Guard
from bb_runtime.hold import Moment, broken
from bb_runtime.job import Job
from bb_runtime.outcome import Outcome

if TYPE_CHECKING:
    from bb_runtime.reach import Seen


def kept(job: Job, out: Outcome, seen: "Seen", guards: tuple[Guard, ...]) -> Outcome:
    """The outcome as it is if every promise is kept; else parked (an effect) or failed (a read).

    A result that breaks a promise is dropped: it may be somebody else's, and the next prompt shows
    what an outcome holds.
    """
    why = _broken(job, out, seen, guards)
    if not why:
        return out
    acts = job.schema.tools[out.tool].effect.acts
    return replace(out, status="parked" if acts else "failed", result=None, why=why)


def mistyped(validator: jsonschema_rs.Draft202012Validator, value: Any) -> str:
    """Where a value leaves its schema, without quoting the value; empty when it does not."""
    error = next(validator.iter_errors(value), None)
    if error is None:
        return ""
    place = "/".join(map(str, error.instance_path)) or "the whole"
    return f"{place} breaks {error.schema_path[-1]!r}"


def _broken(job: Job, out: Outcome, seen: "Seen", guards: tuple[Guard, ...]) -> str:
    why = unlike(job, out.tool, out.args, out.result)
    if why:
        return why
    for call in map(FactCall.parse, job.schema.tools[out.tool].establishes):
        if not given(call, out.happened):
            continue
        if call.term.startswith("result") and not is_key(look(call.term, out.happened)):
            return f"it gives no {call.term}, of which {call.name} would hold"
    ensures = tuple(guard for guard in guards if guard.kind == "ensure")
    if not ensures:
        return ""
    facts = Moment(job, out.step, out.tool, out.args, seen, {}).facts
    return broken(ensures, {"args": dict(out.args), "result": out.result, "facts": facts})


def unlike(job: Job, tool: str, args: Mapping[str, Any], result: Json) -> str:
    """Where a result is not of the type its tool promises, or echoes another argument."""
    why = mistyped(job.checked.compiled.result_validators[tool], result)
    if why:
        return f"the result is not what {tool} promises: {why}"
    for pointer, name in job.schema.tools[tool].echoes.items():
        if not _echoed(result, pointer, args.get(name)):
            return f"the result's {pointer} is not the argument {name!r} it must echo"
    return ""


def _echoed(result: Json, pointer: str, wanted: Any) -> bool:
    try:
        return canonical(resolve_pointer(result, pointer)) == canonical(wanted)
    except PlanError:
        return False
