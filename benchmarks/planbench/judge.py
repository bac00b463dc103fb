"""A STRIPS plan judged by the checker: valid, or the first step with unmet conditions and which."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from bb_core.at import Case
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.grammar import Grammar
from bb_core.graph import Graph, build
from bb_core.plan import Plan, Step
from bb_core.schema import FactCall, PlanSchema
from bb_core.state import State
from bb_core.verdict import Refused
from planbench.strips import Atom, Problem, Strips, kinds, schema, slug


@dataclass(frozen=True)
class Judgement:
    """`step` is the number of the first bad action, 0 for a goal that is not met."""

    valid: bool
    step: int | None = None
    unmet: tuple[Atom, ...] = ()


class Source:
    """A domain that is not installed: api_json's plan language and a schema made from PDDL."""

    name, version, dist = "planbench", "0", "benchmarks"

    def __init__(self, strips: Strips) -> None:
        self.strips = strips

    def ask(self, hook: str) -> Any:
        """The grammar or the plan schema; nothing else."""
        if hook == "grammar":
            text = (files("bb_domains.api_json") / "grammar.lark").read_text("utf-8")
            return Grammar(text, source="api_json/grammar.lark")
        return PlanSchema.model_validate(schema(self.strips)) if hook == "plan_schema" else None


@cache
def compiled(strips: Strips) -> Compiled:
    """The domain's plan schema, compiled."""
    return compile_domain(Source(strips))


def state_of(strips: Strips, problem: Problem) -> State:
    """The facts a problem begins with."""
    return State(facts=frozenset(map(_held, (*problem.init, *kinds(strips, problem)))))


def judge(strips: Strips, problem: Problem, actions: Sequence[Atom]) -> Judgement:
    """Whether the actions reach the goal, by `bb_core.check.check` on the plan they are."""
    domain, state = compiled(strips), state_of(strips, problem)
    plan = plan_of(strips, domain, actions, problem.goal)
    verdict = check(domain, plan, state)
    if not isinstance(verdict, Refused):
        return Judgement(True)
    bad = {violation.step for violation in verdict.violations}
    first = next(place for place, step in enumerate(plan.steps) if step.id in bad)
    if first < len(actions):
        return Judgement(False, first + 1, tuple(_unmet(domain, plan, state, plan.steps[first])))
    goals = [step for step in plan.steps[len(actions) :] if step.id in bad]
    unmet = (atom for step in goals for atom in _unmet(domain, plan, state, step))
    return Judgement(False, 0, tuple(unmet))


def plan_of(
    strips: Strips, domain: Compiled, actions: Sequence[Atom], goal: Iterable[Atom]
) -> Plan:
    """The actions one after the other, then a step for each part of the goal."""
    params = {slug(action.name): [name for name, _ in action.params] for action in strips.actions}
    calls = [(slug(name), zip(params[slug(name)], about, strict=True)) for name, *about in actions]
    wanted = [(f"want_{name}", zip(map("a{}".format, range(9)), about)) for name, *about in goal]  # noqa: B905
    steps: list[Step] = []
    for place, (tool, pairs) in enumerate((*calls, *wanted)):
        after = (steps[-1].id,) if steps else ()
        args = {slug(name): value for name, value in pairs}
        steps.append(Step(f"n{place}", tool, args, after))
    return Plan(domain.name, domain.digest, tuple(steps))


def _unmet(domain: Compiled, plan: Plan, state: State, step: Step) -> list[Atom]:
    """The step's requirements that the checker finds unmet, one by one, in the schema's order."""
    graph = build(plan)
    assert isinstance(graph, Graph)
    case, found = Case(domain, plan, graph, state), list[Atom]()
    for text in domain.schema.tools[step.tool].requires:
        call, before = FactCall.parse(text), len(case.violations)
        case.at(step.id).requires(call.name, call.term)
        if len(case.violations) > before:
            paths = call.term.split(", ") if call.term else []
            found.append((call.name, *(str(step.args[p.removeprefix("args.")]) for p in paths)))
    return found


def _held(atom: Atom) -> tuple[str, Any]:
    name, *about = atom
    return name, tuple(about) if len(about) > 1 else (about[0] if about else "")
