"""Undo what was done, in reverse order, when a later step went wrong.

Only writes whose tool declares `compensate` can be undone, and only those that are done: a parked
step is left to a person. An undoing is a call like any other: its arguments are validated, its
tool's own guards are held on fresh reads, it has an intent, a key of its own and a result record.
It asks for no further approval: the domain declared it as the way back.

A call that was undone gets a new key when a later round makes it again.

Not covered: facts and budgets are not held for an undoing, only counted after it; a business key
that holds across runs is known to have been undone only in the run that undid it.
"""

from bb_core.schema import Tool
from bb_core.state import look
from bb_core.verdict import Guard
from bb_runtime.intent import Prepared, undo_key
from bb_runtime.job import Job
from bb_runtime.onestep import intend
from bb_runtime.outcome import Outcome, run_status
from bb_runtime.reach import Seen


def wanted(job: Job, outcomes: Seen) -> bool:
    """Whether this run is to be undone: it asks for that, and something went wrong."""
    return job.settings.compensate and run_status(outcomes) in ("failed", "refused")


def undoable(job: Job) -> tuple[str, ...]:
    """The steps whose tools declare a way back, last first."""
    backwards = reversed(job.checked.order)
    return tuple(s for s in backwards if job.spec(job.steps[s]).compensate is not None)


def undo(job: Job, done: Outcome, seen: Seen) -> Prepared:
    """The recorded intent to undo one step, or why that cannot be."""
    way = job.schema.tools[done.tool].compensate
    assert way is not None
    args = {name: look(path, done.happened) for name, path in way.args.items()}
    guards = own_guards(done.step, job.schema.tools[way.tool])
    key = undo_key(done.key)
    return intend(job, done.step, way.tool, args, seen, guards, key=key, undoes=done.step)


def own_guards(step: str, spec: Tool) -> tuple[Guard, ...]:
    """The guards and promises a tool brings along wherever it is called."""
    before = tuple(Guard(step, f"G.{c.id}", "cel", c.expr, c.says) for c in spec.guards)
    after = tuple(Guard(step, f"G.{c.id}", "ensure", c.expr, c.says) for c in spec.ensures)
    return before + after
