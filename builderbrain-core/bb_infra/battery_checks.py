"""Does a battery test what it says? Right plans, wrong plans, hijacked plans, and no plan at all.

Mutants and hijacks that the checker refuses cost no twin. Of those it lets pass, the first of each
kind and tool is tried on a twin here; `bb battery replay` tries them all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bb_core.battery import Task
from bb_core.canonical import canonical
from bb_core.check import check
from bb_core.hijack import unlabelled
from bb_core.plan import Plan
from bb_core.schema import PlanSchema
from bb_core.state import State
from bb_core.verdict import Refused
from bb_infra.domain_checks import Case, Domain, Skipped, first, found_by, reprinted
from bb_runtime.hijack_trial import Steered, carried_out, steer
from bb_runtime.trial import Trial, attempt, tried, wrong
from bb_train.data.wordings import unsaid

WHERE = "battery.yaml"


def battery_cases(domain: Domain) -> Iterator[Case]:
    """Each task: its reference plans pass, cause exactly its diff and re-print to themselves.

    Each of its wordings must say what the plans copy from the first.
    """
    for task in domain.tasks:
        yield Case(task.id, WHERE, partial(found_by, _worded, domain, task))


def twin_cases(domain: Domain) -> Iterator[Case]:
    """Every episode starts alike, and a world left alone does not change."""
    if domain.adapters is not None and domain.tasks:
        yield Case("fresh-twin", WHERE, partial(found_by, _fresh, domain))


def mutant_cases(domain: Domain) -> Iterator[Case]:
    """Each task: whatever is wrong with its last plan is caught, by the checker or by the diff."""
    for task in domain.doable if domain.adapters else ():
        yield Case(f"mutants[{task.id}]", WHERE, partial(found_by, _mutants, domain, task))


def hijack_cases(domain: Domain) -> Iterator[Case]:
    """Each task: its plan steered by what a tool returned has no effect.

    A task that shows no text of others, or whose acts nobody can steer, proves nothing: skipped.
    """
    if domain.adapters is None:
        return
    yield Case("hijack[labels]", WHERE, partial(found_by, _labelled, domain.compiled.schema))
    for task in domain.doable:
        yield Case(f"hijack[{task.id}]", WHERE, partial(found_by, _hijacked, domain, task))


def judge_task(domain: Domain, task: Task, trial: Trial | None = None) -> str:
    """What is wrong with a task; `trial` is the one of its own plans, if it was made before."""
    plans = [domain.compiled.read(plan) for plan in task.rounds]
    for plan in plans:
        if found := reprinted(domain, plan):
            return found
    if task.expect == "refuse":
        return _stays_refused(domain, task, plans)
    if not plans:
        return f"task {task.id!r} has no reference plan. Add rounds"
    if domain.adapters is None:
        return _first_passes(domain, task, plans[0])
    trial = trial or attempt(domain.compiled, domain.adapters, task, plans)
    if trial.caught != "nothing":
        return f"stopped by {trial.caught}: {first(trial.why)}"
    return "" if asserts(domain, task, trial) else f"task {task.id!r} asserts nothing: {_EMPTY}"


_EMPTY = "its plan acts, and changes nothing that its twin's snapshot shows"


def asserts(domain: Domain, task: Task, trial: Trial) -> bool:
    """Whether doing nothing would fail a task: it changes something, refuses, or only looks."""
    tools = domain.compiled.schema.tools
    ran = [out.tool for run in trial.runs for out in run.outcomes.values() if out.done]
    if task.expect == "refuse":
        return bool(task.rule and task.rounds)
    return bool(task.diff) or (bool(ran) and not any(tools[tool].effect.acts for tool in ran))


def _worded(domain: Domain, task: Task) -> str:
    if found := unsaid(domain.compiled, task):
        return found
    if task.expect == "refuse" and not (task.rule and task.rounds):
        return f"task {task.id!r} asserts nothing: give a plan that tries, and the rule it breaks"
    known = domain.adapters is not None and task.expect == "done" and task.rounds
    return judge_task(domain, task, domain.right(task) if known else None)


def _stays_refused(domain: Domain, task: Task, plans: Sequence[Plan]) -> str:
    """A task no plan may carry out: the plans that try are stopped, by its rule if it names one."""
    if not plans or domain.adapters is None:
        return ""
    trial = attempt(domain.compiled, domain.adapters, replace(task, diff={}), plans)
    if task.rule in trial.rules or (not task.rule and trial.caught in ("static", "guards")):
        return ""
    wanted = f"expected refusal by {task.rule or 'a rule'}"
    return f"{wanted}, found {trial.caught}: {first(trial.why)}"


def _first_passes(domain: Domain, task: Task, plan: Plan) -> str:
    verdict = check(domain.compiled, plan, State(request=task.prompt))
    return str(verdict.violations[0]) if isinstance(verdict, Refused) else ""


def idle(domain: Domain, task: Task) -> Trial:
    """What becomes of a task when nothing is done: judged against an empty diff."""
    assert domain.adapters is not None
    return attempt(domain.compiled, domain.adapters, replace(task, diff={}), (), kind="no-op")


def worlds(tasks: Sequence[Task]) -> Mapping[bytes, Task]:
    """One task for each different world the tasks start in."""
    return {canonical(dict(task.world)): task for task in reversed(tasks)}


def _fresh(domain: Domain) -> str:
    began: dict[bytes, str] = {}
    for world, task in worlds(domain.tasks).items():
        trial = idle(domain, task)
        if trial.caught != "nothing":
            return f"the world of {task.id!r}, left alone, is caught by {first(trial.why)}"
        began[world] = trial.began
    for task in domain.doable:
        started = domain.right(task).began
        if started and started != began[canonical(dict(task.world))]:
            return f"the twin of {task.id!r} starts otherwise each time: episodes leak"
    return ""


def _mutants(domain: Domain, task: Task) -> str:
    right, adapters = domain.right(task), domain.adapters
    if right.caught != "nothing" or adapters is None:
        return ""  # the task's own case says so
    acts = [out.tool for out in right.runs[-1].outcomes.values()][-1]
    for mutant, trial in wrong(domain.compiled, task, right, domain.pool):
        if trial is not None or not _news(domain, "mutant", mutant.kind, acts):
            continue
        if found := missed(tried(domain.compiled, adapters, task, mutant)):
            return found
    return ""


def missed(trial: Trial) -> str:
    """What is wrong when a wrong plan was not caught, or nobody knows whether it was."""
    if trial.caught == "nothing":
        return f"the mutant {trial.kind!r} causes the right diff, and no rule stops it"
    lost = trial.caught == "infra"
    return f"the mutant {trial.kind!r} could not be judged: {first(trial.why)}" if lost else ""


def _hijacked(domain: Domain, task: Task) -> str:
    right, adapters = domain.right(task), domain.adapters
    if right.caught != "nothing" or adapters is None:
        return ""
    tried = 0
    for hijack, done in steer(domain.compiled, adapters, task, right, domain.pool):
        tried += 1
        if done is not None or not _news(domain, "hijack", hijack.tool, hijack.arg, hijack.way):
            continue
        if found := taken(carried_out(domain.compiled, adapters, task, hijack)):
            return found
    if not tried:
        raise Skipped("nothing in the task that a tool's text could steer")
    return ""


def _labelled(schema: PlanSchema) -> str:
    found = unlabelled(schema)
    if not found and all(label.trusted for label in schema.labels.values()):
        raise Skipped("no tool returns text that somebody else writes")
    return found


def taken(steered: Steered) -> str:
    """What is wrong when a hijacked call happened."""
    one = steered.hijack
    fix = f"Add sinks: {{{one.arg}: {{trusted: true}}}}"
    told = f"{one.what}: {one.tool}.{one.arg} takes what a tool's text says ({one.way}). {fix}"
    return told if steered.effect else ""


def _news(domain: Domain, *what: str) -> bool:
    """Whether this is the first of its kind."""
    new = what not in domain.tried
    domain.tried.add(what)
    return new
