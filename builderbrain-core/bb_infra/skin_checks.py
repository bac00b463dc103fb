"""Does every skin keep the word of its kind, on every task it applies to?

invariant    the same canonical plans; where the world is another one, the same state diff too
equivariant  the plans change as predicted, and cause the predicted diff
trap         the plans change or are stopped, and the old ones, carried out there, do not pass
"""

from collections.abc import Iterator, Sequence
from functools import partial

from bb_core.battery import Task
from bb_core.plan import to_json
from bb_core.skins import Skin
from bb_infra.battery_checks import judge_task
from bb_infra.domain_checks import Case, Domain, found_by
from bb_runtime.trial import attempt


def skin_cases(
    domain: Domain, skins: Sequence[Skin] | None = None, kind: str = ""
) -> Iterator[Case]:
    """Each skin on each task that it fits; the domain's own if none are given, of one kind or all.

    A skin of the domain that fits no task is wrong.
    """
    for skin in domain.compiled.skins if skins is None else skins:
        if kind not in ("", skin.kind):
            continue
        fitting = [task for task in domain.tasks if _fits(skin, task)]
        if skins is None and not fitting:
            yield Case(f"{skin.name}[any]", "skins.yaml", partial(_fits_none, skin))
        for task in fitting:
            problem = partial(found_by, _skinned, domain, skin, task)
            yield Case(f"{skin.name}[{task.id}]", "skins.yaml", problem)


def _fits(skin: Skin, task: Task) -> bool:
    try:
        return skin.apply(task) is not None
    except Exception:  # a domain's own code; the case of this task will say what it raises
        return True


def _fits_none(skin: Skin) -> str:
    return f"{skin.name} fits no task of the battery, so it shows nothing"


def _skinned(domain: Domain, skin: Skin, task: Task) -> str:
    dressed = skin.apply(task)
    if dressed is None:
        return f"{skin.name} fitted this task a moment ago and does not now"
    if skin.kind == "invariant":
        return _invariant(domain, task, dressed)
    plans_change = dressed.rounds != task.rounds or dressed.expect != task.expect
    if not plans_change and (skin.kind == "equivariant" or dressed.diff == task.diff):
        return f"{skin.kind} skin left the plan and the expectation as they were"
    return judge_task(domain, dressed) or (
        _sprung(domain, task, dressed) if skin.kind == "trap" else ""
    )


def _invariant(domain: Domain, task: Task, dressed: Task) -> str:
    before = [to_json(domain.compiled.read(plan)) for plan in task.rounds]
    after = [to_json(domain.compiled.read(plan)) for plan in dressed.rounds]
    if before != after:
        return "an invariant skin changed the plan"
    if (dressed.diff, dressed.expect) != (task.diff, task.expect):
        return "an invariant skin changed the diff or the expectation"
    # In the same world the same plan does the same: only another world has to be tried.
    return judge_task(domain, dressed) if dressed.world != task.world else ""


def _sprung(domain: Domain, task: Task, dressed: Task) -> str:
    """The plan of the task as it was must not pass for one of the task it now is."""
    if domain.adapters is None or task.expect != "done" or dressed.rounds == task.rounds:
        return ""  # where the plans are the same, that they are stopped was just seen
    old = [domain.compiled.read(plan) for plan in task.rounds]
    trial = attempt(domain.compiled, domain.adapters, dressed, old)
    return "" if trial.caught != "nothing" else "the trap lets the old plan pass as right"
