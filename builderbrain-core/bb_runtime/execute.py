"""Checked plan -> tool calls -> results. The only way from a plan to an effect.

What it guarantees: no tool is called for anything but a plan that `bb_core.check.check` let pass
and that has not changed since; a step runs only if all it needs is done; its guards held on fresh
reads just before; consent covered exactly its arguments; its intent was on record first. An effect
of a tool that takes a key happens once, whatever crashes; of any other tool at most once.

Not covered: a system that ignores its idempotency keys; a process that calls adapters on its own;
power loss that takes back what the database had confirmed (keys cover it where tools take them).
"""

import secrets
from collections.abc import Mapping
from typing import Any, Protocol

from bb_core.adapters import Adapters
from bb_core.canonical import Json
from bb_core.record import Ledger, no_ledger
from bb_core.verdict import Checked
from bb_runtime.approve import Approver, deny_all
from bb_runtime.errors import ExecuteError, NotChecked, ParkedError
from bb_runtime.inline import Inline
from bb_runtime.job import Job, Settings
from bb_runtime.outcome import Outcome, RunResult, RunStatus, Status
from bb_runtime.progress import Progress, never_in_the_way, quiet


class Engine(Protocol):
    """What carries plans out: `Inline` in memory, `bb_runtime.durable.Durable` through crashes."""

    def run(self, job: Job) -> RunResult:
        """Carry one plan out, or go on with it, or say how it ended before."""
        ...


def execute(
    checked: Checked,
    adapters: Adapters,
    world: Any,
    *,
    approve: Approver = deny_all,
    ledger: Ledger = no_ledger,
    engine: Engine | None = None,
    progress: Progress = quiet,
    settings: Settings | None = None,
    run: str = "",
    artifact: str = "",
    note: Mapping[str, Json] | None = None,
) -> RunResult:
    """Run a checked plan and say what became of each step; raises NotChecked for anything else.

    With a durable engine, the same `run` and round go on where they stopped: a finished one gives
    its result again and repeats nothing. `note` is kept with the run for whoever resumes it.
    """
    if not isinstance(checked, Checked):
        found = f"a {type(checked).__name__} is not a checked plan"
        raise NotChecked(found, fix="pass it through bb_core.check.check first")
    if checked.plan.digest != checked.digest:
        raise NotChecked("the plan has changed since it was checked", fix="check it again")
    missing = _missing(checked, adapters)
    if missing:
        raise ExecuteError(f"no adapter for {', '.join(missing)}", where=checked.compiled.name)
    job = Job(
        run=run or f"run-{secrets.token_hex(8)}",
        checked=checked,
        adapters=adapters,
        world=world,
        approve=approve,
        ledger=ledger,
        progress=never_in_the_way(progress),
        settings=settings or Settings(),
        artifact=artifact or checked.compiled.digest,
        note=note or {},
    )
    return (engine or Inline()).run(job)


def unparked(result: RunResult) -> RunResult:
    """The result itself; raises ParkedError, which lists what a person has to look into."""
    if result.parked:
        rows = "; ".join(
            f"{out.step} ({out.tool}, key {out.key[:12]}): {out.why}" for out in result.parked
        )
        raise ParkedError(
            rows, where=result.run, fix="find out whether each effect happened, then plan anew"
        )
    return result


def _missing(checked: Checked, adapters: Adapters) -> list[str]:
    """Tools this plan may call and nobody answers for. An approving tool needs no adapter."""
    tools, called = checked.compiled.schema.tools, set[str]()
    for step in checked.plan.steps:
        spec = tools[step.tool]
        called |= {step.tool} if not spec.approves else set()
        called |= {spec.reconcile} if spec.reconcile else set()
        called |= {spec.on_crash} if spec.on_crash else set()
        called |= {spec.compensate.tool} if spec.compensate else set()
        called |= {checked.compiled.schema.entities[name].read for name in spec.entity}
    return sorted(called - adapters.tools.keys())


__all__ = [
    "Engine",
    "ExecuteError",
    "NotChecked",
    "Outcome",
    "ParkedError",
    "RunResult",
    "RunStatus",
    "Status",
    "execute",
    "unparked",
]
