"""Do the adapters keep what the schema says of them? Each promise of each tool, once a domain."""

from collections.abc import Callable, Iterator
from functools import cache, partial

from bb_core.adapters import Adapters
from bb_core.errors import NoTwin, ToolError
from bb_infra.domain_checks import Case, Domain, Skipped, found_by
from bb_runtime.adapter_trial import (
    Kind,
    Watched,
    alike,
    alike_task,
    covering,
    tried_at_random,
    watch,
)

WHERE = "tool_adapters.py"


def adapter_cases(domain: Domain) -> Iterator[Case]:
    """Each tool: a read only looks, an intent acts once, a preview is right, faults are named.

    With a `live` system, each tool and the tasks that call them all, on the twin and there.
    """
    adapters = domain.adapters
    if adapters is None:
        return
    once = cache(partial(_watched, domain, adapters))
    for name, spec in domain.compiled.schema.tools.items():
        if name not in adapters.tools:
            continue
        at_random = cache(partial(tried_at_random, domain.compiled, adapters, name, domain.pool))
        kinds: tuple[Kind, ...] = (
            ("taxonomy", "intent") if spec.effect.acts else ("taxonomy", "read")
        )
        kinds += ("preview",) if name in adapters.previews else ()
        for kind in kinds:
            problem = partial(found_by, _promise, name, kind, once, at_random)
            yield Case(f"{kind}[{name}]", WHERE, problem)
    yield from _live_cases(domain, adapters) if adapters.live else ()


def _watched(domain: Domain, adapters: Adapters) -> Watched:
    """The few tasks that call every tool, under watch."""
    whole = [task for task in domain.doable if domain.right(task).caught == "nothing"]
    trials = {task.id: domain.right(task) for task in whole}
    return watch(domain.compiled, adapters, covering(trials, whole))


def _promise(
    tool: str, kind: Kind, once: Callable[[], Watched], at_random: Callable[[], Watched]
) -> str:
    try:
        seen, tried = once(), at_random()
    except NoTwin as error:
        raise Skipped(error.found) from error
    found = seen.found.get((tool, kind)) or tried.found.get((tool, kind), "")
    if not found and (tool, kind) not in seen.kept | tried.kept:
        raise Skipped(f"no call of {tool} that shows it")
    return found


def _live_cases(domain: Domain, adapters: Adapters) -> Iterator[Case]:
    there = cache(partial(_there, adapters))
    for name in domain.compiled.schema.tools:
        if name in adapters.tools:
            problem = partial(found_by, _alike, domain, adapters, name, there)
            yield Case(f"live[{name}]", WHERE, problem, slow=True)
    problem = partial(found_by, _alike_tasks, domain, adapters, there)
    yield Case("live[tasks]", WHERE, problem, slow=True)


def _there(adapters: Adapters) -> str:
    """Why the real system cannot be had; empty if it can."""
    assert adapters.live is not None
    try:
        adapters.live({}).close()
    except ToolError as error:
        return str(error)
    return ""


def _alike(domain: Domain, adapters: Adapters, tool: str, there: Callable[[], str]) -> str:
    if why := there():
        raise Skipped(why)
    return alike(domain.compiled, adapters, tool, domain.pool)


def _alike_tasks(domain: Domain, adapters: Adapters, there: Callable[[], str]) -> str:
    if why := there():
        raise Skipped(why)
    whole = [task for task in domain.doable if domain.right(task).caught == "nothing"]
    for task in covering({task.id: domain.right(task) for task in whole}, whole):
        if found := alike_task(domain.compiled, adapters, task, domain.right(task)):
            return f"{task.id}: {found}"
    return ""
