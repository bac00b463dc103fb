"""The one way from a step to the tools: send a call, read entities afresh, hold guards on them."""

from collections.abc import Mapping
from typing import Any

from bb_core.adapters import Call
from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_core.plan import resolve_pointer
from bb_core.schema import Tool
from bb_core.verdict import Guard
from bb_runtime.call import call_tool
from bb_runtime.hold import Moment, unmet
from bb_runtime.job import Job
from bb_runtime.outcome import Outcome
from bb_runtime.promise import unlike

Seen = Mapping[str, Outcome]


def send(job: Job, ident: str, tool: str, args: Mapping[str, Any], key: str) -> tuple[Json, int]:
    """Call a tool; gives the result and the number of attempts, or raises ToolError."""
    spec = job.schema.tools[tool]
    call = Call(job.world, ident, key, spec.timeout_s)
    return call_tool(job.adapters.tools[tool], args, call, spec, backoff_s=job.settings.backoff_s)


def fresh(job: Job, ident: str, spec: Tool, args: Mapping[str, Any]) -> dict[str, Json]:
    """A tool's entities as they are this moment; raises ToolError when one cannot be read.

    What a guard judges is of the type the reading tool promises and echoes the key it was asked
    for. The reading tool's own conditions are not held: what it reads goes into guards only.
    """
    found: dict[str, Json] = {}
    for name, path in spec.entity.items():
        entity = job.schema.entities[name]
        pointer = "/" + path.partition(".")[2].replace(".", "/")
        asked = {entity.arg: resolve_pointer(dict(args), pointer)}
        found[name], _ = send(job, ident, entity.read, asked, "")
        why = unlike(job, entity.read, asked, found[name])
        if why:
            raise ToolError("invalid", why, where=entity.read)
    return found


def held(
    job: Job, ident: str, tool: str, args: Mapping[str, Any], seen: Seen, guards: tuple[Guard, ...]
) -> str:
    """Why this call may not be made now; empty when it may. Raises ToolError when a read fails."""
    before = tuple(guard for guard in guards if guard.kind != "ensure")
    live = any(guard.kind == "cel" for guard in before)
    entities = fresh(job, ident, job.schema.tools[tool], args) if live else {}
    return unmet(Moment(job, ident, tool, args, seen, entities), before)
