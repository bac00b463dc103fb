"""unified-planning's validator as a second opinion on the cell's typestate.

The schema's `requires`, `establishes` and `kills` become a planning domain; the steps of a plan
that run when every look is good become a sequential plan. The validator and our checker must say
the same of it, whole and with any one step left out.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.plan import Plan, Ref, Step
from bb_core.registry import discover
from bb_core.schema import FactCall, PlanSchema, Tool
from bb_core.verdict import Refused
from bb_domains.robots import domain

up: Any = pytest.importorskip("unified_planning.shortcuts", reason="the extra robots[test]")
TASKS = [t for t in domain.eval_battery() if {"fetch", "two", "move", "drop"} & set(t.tags)]


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("robots"))


class World:
    """The schema's facts and tools as a planning problem over these values."""

    def __init__(self, schema: PlanSchema, values: Sequence[str]) -> None:
        up.get_environment().credits_stream = None
        self.thing = up.UserType("Thing")
        self.problem = up.Problem("cell")
        self.objects = {v: up.Object(f"v_{i}", self.thing) for i, v in enumerate(values)}
        self.problem.add_objects(list(self.objects.values()))
        self.facts = {f: up.Fluent(f, up.BoolType(), what=self.thing) for f in schema.facts}
        for fluent in self.facts.values():
            self.problem.add_fluent(fluent, default_initial_value=False)
        self.actions: dict[str, Any] = {}
        for name, tool in schema.tools.items():
            self.actions[name] = self.action(name, tool)
            self.problem.add_action(self.actions[name])

    def action(self, name: str, tool: Tool) -> Any:
        """A tool whose result is good: what hangs on a bad one is left out."""
        made = up.InstantaneousAction(name, **dict.fromkeys([*tool.args, "arm_"], self.thing))
        for call in map(FactCall.parse, tool.requires):
            if call.name != "approved":
                made.add_precondition(self.condition(made, call))
        for call in map(FactCall.parse, tool.kills):
            for thing in self.objects.values():
                made.add_effect(self.facts[call.name](thing), False)
        for call in map(FactCall.parse, tool.establishes):
            if call.wanted:
                made.add_effect(self.fact(made, call), True)
        return made

    def condition(self, made: Any, call: FactCall) -> Any:
        if call.term:
            return self.fact(made, call)
        return up.Or(*(self.facts[call.name](thing) for thing in self.objects.values()))

    def fact(self, made: Any, call: FactCall) -> Any:
        name = "arm_" if call.term == "result.arm" else call.term.removeprefix("args.")
        return self.facts[call.name](made.parameter(name))

    def valid(self, steps: Sequence[Step]) -> bool:
        """Whether the validator can carry the steps out one after the other."""
        from unified_planning.engines.plan_validator import SequentialPlanValidator
        from unified_planning.plans import ActionInstance, SequentialPlan

        rows = [
            ActionInstance(
                self.actions[s.tool],
                tuple(self.objects[str(v)] for v in (*s.args.values(), "r1")),
            )
            for s in steps
        ]
        result = SequentialPlanValidator().validate(self.problem, SequentialPlan(rows))
        return bool(result.status.name == "VALID")


def good_path(plan: Plan) -> list[Step]:
    """The steps that run when every result is good, and none that runs when one is not."""
    lost: set[str] = set()
    path = []
    for step in plan.steps:
        needed = {*step.after, *([step.when.ref.step] if step.when else [])}
        if needed & lost or (step.when and step.when.value is False):
            lost.add(step.id)
        else:
            path.append(step)
    return path


def ours(compiled: Compiled, steps: Sequence[Step], gone: Step | None) -> bool:
    """Whether the checker finds every fact established; a condition on what is gone goes too."""
    kept = []
    for step in steps:
        if step is gone:
            continue
        at = [s for s in step.after if not gone or s != gone.id]
        when = step.when if not (step.when and gone and step.when.ref.step == gone.id) else None
        if gone and gone.id in step.after and not step.when:
            when = gone.when  # what the step that is gone hung on, the next one hangs on
        kept.append(Step(step.id, step.tool, step.args, tuple(at), when))
    chained = [
        Step(s.id, s.tool, s.args, (*s.after, kept[i - 1].id) if i else s.after, s.when)
        for i, s in enumerate(kept)
    ]
    verdict = check(compiled, Plan(compiled.name, compiled.digest, tuple(chained)))
    rules = verdict.rules if isinstance(verdict, Refused) else frozenset()
    return not any(rule.startswith("T.") for rule in rules)


@pytest.mark.parametrize("task", TASKS[::3], ids=lambda task: task.id)
def test_the_validator_and_the_checker_say_the_same(task: Any, compiled: Compiled) -> None:
    path = good_path(compiled.read(task.rounds[-1]))
    assert not any(isinstance(v, Ref) for s in path for v in s.args.values())
    values = sorted({str(v) for s in path for v in s.args.values()} | {"r1"})
    world = World(compiled.schema, values)
    assert world.valid(path) and ours(compiled, path, None)
    for gone in path:
        rest = [step for step in path if step is not gone]
        assert world.valid(rest) is ours(compiled, path, gone), gone
