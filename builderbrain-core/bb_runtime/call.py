"""One adapter call: bounded in time, repeated only where repeating is safe.

Not covered: a call that outlives its limit is abandoned, not stopped. Its effect may still come, so
it is reported as `timeout_unknown` and never as a failure.
"""

import json
import threading
import time
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

from bb_core.adapters import Adapter, Call
from bb_core.canonical import Json, canonical
from bb_core.errors import ToolError, ToolFault
from bb_core.registry import reason
from bb_core.schema import Tool

REPEAT_ON: frozenset[ToolFault] = frozenset({"unavailable", "limit", "timeout_unknown"})
GRACE_S = 0.25
LONGEST_WAIT_S = 5.0


def safe_to_repeat(spec: Tool) -> bool:
    """Whether the same call may be sent twice: to a read, an idempotent tool, one with a key."""
    return spec.repeatable or spec.key is not None


def call_tool(
    adapter: Adapter,
    args: Mapping[str, Any],
    call: Call,
    spec: Tool,
    *,
    backoff_s: float,
) -> tuple[Json, int]:
    """The result and the number of attempts; raises ToolError once no attempt is left.

    After an effect's answer was lost once, no later fault proves that nothing happened: whatever
    the last attempt met, the error is then `timeout_unknown`.
    """
    attempts = 1 + (spec.retries if safe_to_repeat(spec) else 0)
    lost = False
    for attempt in range(1, attempts + 1):
        try:
            return _once(adapter, args, call), attempt
        except ToolError as error:
            lost = lost or (error.kind == "timeout_unknown" and spec.effect.acts)
            if attempt == attempts or error.kind not in REPEAT_ON:
                if not lost:
                    raise
                raise _after_loss(error, call.step) from error
        time.sleep(min(backoff_s * 2 ** (attempt - 1), LONGEST_WAIT_S))
    raise AssertionError("unreachable: the last attempt returns or raises")


def _after_loss(error: ToolError, step: str) -> ToolError:
    if error.kind == "timeout_unknown":
        return error
    return ToolError("timeout_unknown", f"an answer was lost, then: {error}", where=step)


def _once(adapter: Adapter, args: Mapping[str, Any], call: Call) -> Json:
    box: list[Any] = []
    given = deepcopy(dict(args))  # results share their parts with arguments; an adapter gets none

    def work() -> None:
        try:
            box.append(_plain(adapter(given, call), call.step))
        except BaseException as error:
            box.append(error)

    # A daemon thread: a call that hangs for ever must not keep the process from ending.
    thread = threading.Thread(target=work, name=f"call-{call.step}", daemon=True)
    thread.start()
    thread.join(call.timeout_s + GRACE_S)
    if thread.is_alive():
        raise ToolError(
            "timeout_unknown", f"no answer within {call.timeout_s:g} s", where=call.step
        )
    if isinstance(box[0], ToolError):
        raise box[0]
    if isinstance(box[0], BaseException):
        # Outside the closed list of faults nothing is known about what the call did.
        error = box[0]
        found = f"the adapter raised {reason(error)}"
        raise ToolError("timeout_unknown", found, where=call.step) from error
    return cast(Json, box[0])


def _plain(value: Any, step: str) -> Json:
    """The value as plain JSON, shared with nobody; raises ToolError when it is not JSON."""
    try:
        return cast(Json, json.loads(canonical(value)))
    except (ValueError, TypeError, RecursionError) as error:
        raise ToolError(
            "timeout_unknown", f"the result is not JSON: {error}", where=step
        ) from error
