"""Does a domain keep its own promises? Golden plans, battery, skins and rules, case by case.

The pytest plugin and `bb domains check` run these same cases. A plan is judged by the checker;
where only live values can refuse it, it is tried on a fresh twin. Without tool adapters it is
judged by the checker alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bb_core.adapters import Adapters
from bb_core.battery import Task
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import BuilderbrainError, DomainError, PlanError
from bb_core.golden_file import PARSE, Golden
from bb_core.golden_file import Case as GoldenCase
from bb_core.plan import Plan, to_json
from bb_core.schema import FactCall, PlanSchema
from bb_core.skins import Skin
from bb_core.state import State
from bb_core.verdict import Refused
from bb_runtime.trial import attempt
from bb_train.data.wordings import unsaid


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that must hold. `problem()` is empty, or says in one line what was found."""

    name: str
    where: str
    problem: Callable[[], str]


@dataclass(frozen=True)
class Domain:
    """A compiled domain with all it is judged by; `adapters` is None when it cannot act."""

    compiled: Compiled
    golden: Golden
    adapters: Adapters | None

    @property
    def name(self) -> str:
        """The domain's name."""
        return self.compiled.name


def open_domain(compiled: Compiled) -> Domain:
    """A compiled domain with its golden plans and its adapters, where it has them."""
    golden = getattr(getattr(compiled.source, "plugin", None), "golden", None)
    try:
        adapters = compiled.adapters()
    except DomainError:
        adapters = None
    return Domain(compiled, golden() if golden else Golden(), adapters)


def golden_cases(domain: Domain) -> Iterator[Case]:
    """Each golden plan: accepted and re-printed to itself, or refused by the rule it names."""
    for section, cases in (("accept", domain.golden.accept), ("refuse", domain.golden.refuse)):
        for case in cases:
            run = _accepted if section == "accept" else _refused
            yield Case(
                f"{section}[{case.name}]",
                f"golden/plans.yaml:{case.line}",
                partial(_found, run, domain, case),
            )


def battery_cases(domain: Domain) -> Iterator[Case]:
    """Each task: its reference plans pass, cause exactly its diff and re-print to themselves.

    Each of its wordings must say what the plans copy from the first.
    """
    for task in domain.compiled.battery:
        problem = partial(_found, _worded, domain, task)
        yield Case(task.id, "battery.yaml", problem)


def skin_cases(domain: Domain) -> Iterator[Case]:
    """Each skin on each task it applies to: the plan is what the skin's kind promises."""
    for skin in domain.compiled.skins:
        for task in domain.compiled.battery:
            problem = partial(_found, _skinned, domain, skin, task)
            yield Case(f"{skin.name}[{task.id}]", "skins.yaml", problem)


def rule_cases(domain: Domain) -> Iterator[Case]:
    """Each rule the schema states has at least one refused golden plan."""
    shown = {case.rule for case in domain.golden.refuse}
    for rule in stated_rules(domain.compiled.schema):
        found = (
            "" if rule in shown else f"rule {rule!r} has no refused example. Add one under refuse"
        )
        yield Case(f"rule[{rule}]", "golden/plans.yaml", partial(str, found))


def tool_cases(domain: Domain) -> Iterator[Case]:
    """Each tool of the schema has an adapter, and each adapter a tool."""
    schema = domain.compiled.schema
    made = set(domain.adapters.tools) if domain.adapters else set()
    if domain.adapters is None:
        yield Case("adapters", "tool_adapters.py", partial(_why_no_adapters, domain))
        return
    for name in sorted(set(schema.tools) | made):
        found = "" if name in schema.tools else f"adapter {name!r} is for no tool of the schema"
        yield Case(f"tool[{name}]", "tool_adapters.py", partial(str, found))


def stated_rules(schema: PlanSchema) -> list[str]:
    """The ids of the rules a schema states itself, beyond those every plan must keep."""
    rules: set[str] = set()
    for tool in schema.tools.values():
        facts = {FactCall.parse(text).name for text in tool.requires}
        rules |= {"A.approved" if fact == "approved" else f"T.{fact}" for fact in facts}
        rules |= {f"G.{guard.id}" for guard in tool.guards}
        rules |= {f"F.{arg}" for arg in tool.sinks}
        rules |= {f"B.{total}" for total in tool.consumes}
        rules |= {"B.once"} if tool.once_per else set()
        rules |= {"E.excludes"} if tool.excludes else set()
    return sorted(rules)


def _found(problem: Callable[..., str], *args: object) -> str:
    """What a case finds; an expected error is a finding too."""
    try:
        return problem(*args)
    except BuilderbrainError as error:
        return str(error)


def _plan(domain: Domain, case: GoldenCase) -> Plan:
    return domain.compiled.parse(case.text) if case.text else domain.compiled.read(case.plan)


def _accepted(domain: Domain, case: GoldenCase) -> str:
    plan = _plan(domain, case)
    verdict = check(domain.compiled, plan, State(request=case.request))
    if isinstance(verdict, Refused):
        return f"{case.name!r} was refused: {verdict.violations[0]}"
    return _reprinted(domain, plan)


def _refused(domain: Domain, case: GoldenCase) -> str:
    wanted = f"{case.name!r}: expected refusal by {case.rule}"
    try:
        plan = _plan(domain, case)
    except PlanError as error:
        return "" if case.rule == PARSE else f"{wanted}, but it is no plan: {error}"
    verdict = check(domain.compiled, plan, State(request=case.request))
    if isinstance(verdict, Refused):
        rules = ", ".join(sorted(verdict.rules))
        return "" if case.rule in verdict.rules else f"{wanted}, found {rules}"
    if domain.adapters is None or case.rule not in {guard.rule for guard in verdict.guards}:
        return f"{wanted}, but it was accepted"
    task = Task(case.name, case.request, (), world=case.world)
    trial = attempt(domain.compiled, domain.adapters, task, [plan])
    if case.rule in trial.rules:
        return ""
    return (
        f"{wanted}, but the twin let it run: {'; '.join(trial.why)[:200] or 'nothing stopped it'}"
    )


def _worded(domain: Domain, task: Task) -> str:
    return unsaid(domain.compiled, task) or _task(domain, task)


def _task(domain: Domain, task: Task) -> str:
    plans = [domain.compiled.read(plan) for plan in task.rounds]
    for plan in plans:
        if found := _reprinted(domain, plan):
            return found
    if task.expect == "refuse":
        return _stays_refused(domain, task, plans)
    if not plans:
        return f"task {task.id!r} has no reference plan. Add rounds"
    if domain.adapters is None:
        return _first_passes(domain, task, plans[0])
    trial = attempt(domain.compiled, domain.adapters, task, plans)
    return "" if trial.caught == "nothing" else f"stopped by {trial.caught}: {_first(trial.why)}"


def _stays_refused(domain: Domain, task: Task, plans: Sequence[Plan]) -> str:
    """A task no plan may carry out: the plans that try are stopped, by its rule if it names one."""
    if not plans or domain.adapters is None:
        return ""
    trial = attempt(domain.compiled, domain.adapters, replace(task, diff={}), plans)
    if task.rule in trial.rules or (not task.rule and trial.caught in ("static", "guards")):
        return ""
    wanted = f"expected refusal by {task.rule or 'a rule'}"
    return f"{wanted}, found {trial.caught}: {_first(trial.why)}"


def _first_passes(domain: Domain, task: Task, plan: Plan) -> str:
    verdict = check(domain.compiled, plan, State(request=task.prompt))
    return str(verdict.violations[0]) if isinstance(verdict, Refused) else ""


def _skinned(domain: Domain, skin: Skin, task: Task) -> str:
    dressed = skin.apply(task)
    if dressed is None:
        return ""
    if skin.kind == "invariant":
        before = [to_json(domain.compiled.read(plan)) for plan in task.rounds]
        after = [to_json(domain.compiled.read(plan)) for plan in dressed.rounds]
        return "" if before == after else "an invariant skin changed the plan"
    if (dressed.rounds, dressed.expect, dressed.diff) == (task.rounds, task.expect, task.diff):
        return f"{skin.kind} skin left plan, diff and expectation as they were"
    return _task(domain, dressed)


def _reprinted(domain: Domain, plan: Plan) -> str:
    text = domain.compiled.print(plan)
    again = domain.compiled.parse(text)
    return (
        ""
        if to_json(again) == to_json(plan)
        else f"printed and parsed again it differs: {text[:120]}"
    )


def _first(why: Sequence[str]) -> str:
    return " ".join(why[0].split())[:200] if why else "no reason given"


def _why_no_adapters(domain: Domain) -> str:
    try:
        domain.compiled.adapters()
    except DomainError as error:
        return str(error)
    return ""
