"""A checked plan from its first step to its last, parallel by dependency, on any engine.

An engine hands out slots. A slot runs a function once and keeps its JSON result; after a crash it
gives the kept result instead. All slots are reserved in canonical order before anything starts:
a slot drawn when its step happens to start would, after a crash, go to another step.

The outcome of a step depends on the outcomes of the steps before it and on nothing else. Steps
that share a budget wait for each other in canonical order, so no race decides which one gets it.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, replace

from bb_core.canonical import Json
from bb_core.errors import whole
from bb_core.plan import Step
from bb_runtime.compensate import own_guards, undo, undoable, wanted
from bb_runtime.intent import Prepared, prepared_json, read_prepared
from bb_runtime.job import Job
from bb_runtime.onestep import act, prepare
from bb_runtime.outcome import Outcome, RunResult, run_status
from bb_runtime.progress import Event

Slot = Callable[[Callable[[], Json]], Json]
Reserve = Callable[[str], Slot]


@dataclass(frozen=True, slots=True)
class Slots:
    """The two slots of a step: before its effect, and the effect."""

    prepare: Slot
    act: Slot


def carry_out(job: Job, reserve: Reserve) -> RunResult:
    """Run the plan and, if the run asks for it and something failed, undo what was done."""
    forward = {ident: _slots(job, reserve, job.steps[ident]) for ident in job.checked.order}
    back = {ident: _undo_slots(job, reserve, job.steps[ident]) for ident in undoable(job)}
    closing = reserve("done")
    outcomes = _walk(job, forward)
    undone = _undo_all(job, back, outcomes)
    result = RunResult(job.run, run_status(outcomes, undone), outcomes, undone)
    why = str(closing(lambda: _close(job, result)))
    return replace(result, status="failed", why=why) if why else result


def _slots(job: Job, reserve: Reserve, step: Step) -> Slots:
    name = f"{step.id}:{step.tool}@{_short(job)}"
    return Slots(reserve(f"{name}:intent"), reserve(name))


def _undo_slots(job: Job, reserve: Reserve, step: Step) -> Slots:
    way = job.spec(step).compensate
    assert way is not None
    name = f"undo {step.id}:{way.tool}@{_short(job)}"
    return Slots(reserve(f"{name}:intent"), reserve(name))


def _short(job: Job) -> str:
    return job.checked.compiled.digest.removeprefix("sha256:")[:8]


def _walk(job: Job, slots: Mapping[str, Slots]) -> dict[str, Outcome]:
    """Start every step the moment what it waits for has ended."""
    outcomes: dict[str, Outcome] = {}
    running: dict[Future[Outcome], str] = {}
    queues = _budget_queues(job)
    with ThreadPoolExecutor(job.settings.parallel, thread_name_prefix="step") as pool:
        while len(outcomes) < len(job.steps):
            for ident in _ready(job, queues, outcomes, set(running.values())):
                seen = _in_sight(job, queues, ident, outcomes)
                if (blocked := _blocked(job, ident, outcomes)) is not None:
                    outcomes[ident] = job.tell(blocked)
                else:
                    # A copied context, so that the engine knows its run in the pool's threads too.
                    run = copy_context().run
                    running[pool.submit(run, _one, job, job.steps[ident], seen, slots[ident])] = (
                        ident
                    )
            if running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    outcomes[running.pop(future)] = future.result()
    return {ident: outcomes[ident] for ident in job.checked.order}


def _one(job: Job, step: Step, seen: Mapping[str, Outcome], slots: Slots) -> Outcome:
    job.progress(Event(job.run, step.id, step.tool, "started"))
    guards = job.checked.guards_of(step.id)
    if job.spec(step).effect.acts:
        prepared = read_prepared(slots.prepare(lambda: prepared_json(prepare(job, step, seen))))
        if isinstance(prepared, Outcome):
            return job.tell(prepared)
        intent = prepared
        return job.tell(_read(slots.act(lambda: act(job, intent, seen, guards).to_json())))

    def whole() -> Json:
        prepared: Prepared = prepare(job, step, seen)
        return (
            prepared if isinstance(prepared, Outcome) else act(job, prepared, seen, guards)
        ).to_json()

    return job.tell(_read(slots.act(whole)))


def _read(data: Json) -> Outcome:
    assert isinstance(data, dict)
    return Outcome.from_json(data)


def _ready(
    job: Job,
    queues: Mapping[str, frozenset[str]],
    outcomes: Mapping[str, Outcome],
    running: set[str],
) -> list[str]:
    parents = job.checked.graph.parents
    waiting = [s for s in job.checked.order if s not in outcomes and s not in running]
    return [s for s in waiting if (parents[s] | queues[s]) <= outcomes.keys()]


def _blocked(job: Job, ident: str, outcomes: Mapping[str, Outcome]) -> Outcome | None:
    parents = job.checked.graph.parents[ident]
    lost = [s for s in job.checked.order if s in parents and not outcomes[s].done]
    if not lost:
        return None
    why = ", ".join(f"{s} {outcomes[s].status.replace('_', ' ')}" for s in lost)
    return Outcome(ident, job.steps[ident].tool, "not_run", why=why)


def _in_sight(
    job: Job, queues: Mapping[str, frozenset[str]], ident: str, outcomes: Mapping[str, Outcome]
) -> dict[str, Outcome]:
    """The outcomes a step may look at: the same ones however the branches are timed."""
    near = job.checked.graph.ancestors[ident] | queues[ident]
    return {s: outcomes[s] for s in job.checked.order if s in near}


def _budget_queues(job: Job) -> dict[str, frozenset[str]]:
    """For each step, the earlier ones that share a sum or a once-only call, and so go first."""
    order = job.checked.order
    queues: dict[str, frozenset[str]] = {}
    for place, ident in enumerate(order):
        kinds = {guard.kind for guard in job.checked.guards_of(ident)}
        spec, tool = job.spec(job.steps[ident]), job.steps[ident].tool
        queues[ident] = frozenset(
            s
            for s in order[:place]
            if ("sum" in kinds and job.spec(job.steps[s]).consumes.keys() & spec.consumes.keys())
            or ("once" in kinds and job.steps[s].tool == tool)
        )
    return queues


def _undo_all(
    job: Job, slots: Mapping[str, Slots], outcomes: Mapping[str, Outcome]
) -> tuple[Outcome, ...]:
    """One undoing after the other; one that fails does not stop those before it."""
    if not wanted(job, outcomes):
        return ()
    return tuple(_undo_one(job, outcomes[s], outcomes, slots[s]) for s in slots if outcomes[s].done)


def _undo_one(job: Job, done: Outcome, outcomes: Mapping[str, Outcome], slots: Slots) -> Outcome:
    prepared = read_prepared(slots.prepare(lambda: prepared_json(undo(job, done, outcomes))))
    if isinstance(prepared, Outcome):
        return job.tell(prepared)
    intent, guards = prepared, own_guards(done.step, job.schema.tools[prepared.tool])
    return job.tell(_read(slots.act(lambda: act(job, intent, outcomes, guards).to_json())))


def _close(job: Job, result: RunResult) -> Json:
    steps: dict[str, Json] = {ident: out.status for ident, out in result.outcomes.items()}
    undone: list[Json] = [out.step for out in result.compensations if out.done]
    try:
        job.record("done", "", "", status=result.status, steps=steps, undone=undone)
    except Exception as fault:
        return whole(f"the ledger takes no done: {fault}")
    return ""
