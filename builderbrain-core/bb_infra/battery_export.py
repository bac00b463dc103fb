"""A battery as rows that other harnesses read: id, input, target, metadata (inspect-ai's names)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bb_core.battery import Task
from bb_core.compiled import Compiled


def row(compiled: Compiled, task: Task) -> dict[str, Any]:
    """One task; the targets are its reference plans as text, one a round."""
    plans = [compiled.print(compiled.read(plan)) for plan in task.rounds]
    about = {"expect": task.expect, "rule": task.rule, "tags": list(task.tags)}
    state = {"world": dict(task.world), "diff": dict(task.diff), "also": list(task.also)}
    made_for = {"domain": compiled.name, "digest": compiled.digest}
    return {
        "id": task.id,
        "input": task.prompt,
        "target": plans or task.expect,
        "metadata": {**about, **state, **made_for},
    }


def export(compiled: Compiled, tasks: Sequence[Task], path: Path) -> int:
    """Write the tasks as JSON lines, whole or not at all; returns how many. Raises InfraError."""
    from bb_core.cache import write_whole
    from bb_infra.errors import InfraError

    lines = [json.dumps(row(compiled, task), ensure_ascii=False) + "\n" for task in tasks]
    try:
        write_whole(path, "".join(lines).encode())
    except OSError as error:
        raise InfraError(f"cannot be written: {error.strerror}", where=str(path)) from error
    return len(lines)
