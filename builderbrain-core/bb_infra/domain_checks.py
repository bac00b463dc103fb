"""Does a domain keep its own promises? Its golden plans, rules, tools and masks, case by case.

The pytest plugin and `bb domains check` run these same cases, and those of battery_checks.py,
skin_checks.py and adapter_checks.py. A plan is judged by the checker; where only live values can
refuse it, it is tried on a fresh twin. Without tool adapters it is judged by the checker alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from bb_core.adapters import Adapters
from bb_core.battery import Task
from bb_core.canonical import Json
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import BuilderbrainError, DomainError, PlanError
from bb_core.golden_file import PARSE, Golden
from bb_core.golden_file import Case as GoldenCase
from bb_core.mutants import pool_of
from bb_core.plan import Plan, to_json
from bb_core.schema import FactCall, PlanSchema
from bb_core.state import State
from bb_core.typed import Spelling, language
from bb_core.verdict import Refused
from bb_runtime.trial import Trial, attempt, gold

FUZZED = 400
"""Texts of the fuzz gate here; the long gate is a benchmark."""


class Skipped(Exception):
    """A case that cannot be tried here; its text says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that must hold. `problem()` is empty, or says in one line what was found.

    It raises Skipped where it cannot be tried. `slow`: it needs the real system, not its twin.
    """

    name: str
    where: str
    problem: Callable[[], str]
    slow: bool = False


@dataclass(frozen=True)
class Domain:
    """A compiled domain with all it is judged by; `adapters` is None when it cannot act.

    What several cases need is worked out once: the trials of the right plans above all.
    """

    compiled: Compiled
    golden: Golden
    adapters: Adapters | None
    tasks: Sequence[Task] = ()

    @property
    def name(self) -> str:
        """The domain's name."""
        return self.compiled.name

    @cached_property
    def doable(self) -> Sequence[Task]:
        """The tasks that a plan carries out."""
        return [t for t in self.tasks if t.expect == "done" and t.rounds]

    @cached_property
    def pool(self) -> Mapping[str, Sequence[Json]]:
        """The values the battery's plans use, by named type."""
        plans = [self.compiled.read(plan) for task in self.doable for plan in task.rounds]
        return pool_of(self.compiled.schema, plans)

    @cached_property
    def _right(self) -> dict[str, Trial]:
        return {}

    def right(self, task: Task) -> Trial:
        """What became of a task's own plans; the domain must have adapters."""
        assert self.adapters is not None
        if task.id not in self._right:
            self._right[task.id] = gold(self.compiled, self.adapters, task)
        return self._right[task.id]

    @cached_property
    def tried(self) -> set[object]:
        """What was tried on a twin already and stands for others of its kind."""
        return set()


def open_domain(compiled: Compiled, tasks: Sequence[Task] | None = None) -> Domain:
    """A compiled domain with its golden plans and its adapters, where it has them.

    `tasks` are judged in place of its own battery.
    """
    golden = getattr(getattr(compiled.source, "plugin", None), "golden", None)
    try:
        adapters = compiled.adapters()
    except DomainError:
        adapters = None
    battery = compiled.battery if tasks is None else tasks
    return Domain(compiled, golden() if golden else Golden(), adapters, battery)


def golden_cases(domain: Domain) -> Iterator[Case]:
    """Each golden plan: accepted and re-printed to itself, or refused by the rule it names."""
    for section, cases in (("accept", domain.golden.accept), ("refuse", domain.golden.refuse)):
        for case in cases:
            run = _accepted if section == "accept" else _refused
            yield Case(
                f"{section}[{case.name}]",
                f"golden/plans.yaml:{case.line}",
                partial(found_by, run, domain, case),
            )


def rule_cases(domain: Domain) -> Iterator[Case]:
    """Each rule the schema states has at least one refused golden plan."""
    shown = {case.rule for case in domain.golden.refuse}
    for rule in stated_rules(domain.compiled.schema):
        found = (
            "" if rule in shown else f"rule {rule!r} has no refused example. Add one under refuse"
        )
        yield Case(f"rule[{rule}]", "golden/plans.yaml", partial(str, found))


def tool_cases(domain: Domain) -> Iterator[Case]:
    """Each tool of the schema has an adapter, and each adapter a tool; arguments can be decoded."""
    schema = domain.compiled.schema
    made = set(domain.adapters.tools) if domain.adapters else set()
    for name in schema.tools:
        decoded = partial(found_by, _decoded, domain.compiled, name)
        yield Case(f"tool[{name}]", "plan_schema.yaml", decoded)
    if domain.adapters is None:
        yield Case("adapters", "tool_adapters.py", partial(_why_no_adapters, domain))
    for name in sorted(made - set(schema.tools)):
        found = f"adapter {name!r} is for no tool of the schema"
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


def mask_cases(domain: Domain) -> Iterator[Case]:
    """Differential fuzz: what the masks let through, the parser must take."""
    yield Case("masks", "grammar", partial(found_by, _masks, domain))


def found_by(problem: Callable[..., str], *args: object) -> str:
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
    return reprinted(domain, plan)


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


def reprinted(domain: Domain, plan: Plan) -> str:
    """How a plan differs once it is printed and parsed again; empty if it does not."""
    text = domain.compiled.print(plan)
    again = domain.compiled.parse(text)
    return (
        ""
        if to_json(again) == to_json(plan)
        else f"printed and parsed again it differs: {text[:120]}"
    )


def first(why: Sequence[str]) -> str:
    """The first reason, on one line."""
    return " ".join(why[0].split())[:200] if why else "no reason given"


def _masks(domain: Domain) -> str:
    try:
        import llguidance  # noqa: F401
    except ImportError:
        raise Skipped("no [model] extra") from None
    from bb_runtime.mask_gate import run_gate

    run_gate(domain.compiled.grammar, FUZZED)
    return ""


def _decoded(compiled: Compiled, tool: str) -> str:
    """Nothing; what no mask can write of a tool's arguments is raised as SchemaError."""
    schema, surface = compiled.schema, compiled.surface
    how = Spelling(array=surface.array, object=surface.object)
    for name in schema.tools[tool].args:
        language(schema.arg(tool, name), f"{schema.domain}: {tool}.{name}", how)
    return ""


def _why_no_adapters(domain: Domain) -> str:
    try:
        domain.compiled.adapters()
    except DomainError as error:
        return str(error)
    return ""
