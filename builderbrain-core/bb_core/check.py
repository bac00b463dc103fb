"""The plan checker: no effect happens unless this says so.

What it guarantees: if the plan schema tells the truth about the tools, and the executor is the
only way to them, then no effect happens unless the structure (S), typestate (T), approval (A),
effect (E), race (R), budget (B) and flow (F) rules held before anything ran, and the guards (G)
held just before the effect. It fails closed: an unknown tool, label or condition error is a
refusal.

Not covered: a schema that lies; lies inside text; permitted but unwise choices; code in this
process that means harm.
"""

from typing import TYPE_CHECKING

from bb_core import budgets, effect_rules, structure, typestate
from bb_core.at import Case
from bb_core.graph import Graph, build
from bb_core.plan import Plan
from bb_core.state import State
from bb_core.verdict import _MINT, Checked, Refused, Verdict, Violation

if TYPE_CHECKING:
    from bb_core.compiled import Compiled


def check(compiled: "Compiled", plan: Plan, state: State | None = None) -> Verdict:
    """Judge a plan against a compiled domain and the run so far; never raises for a bad plan."""
    state = state or State()
    first = tuple(_frame(compiled, plan, state))
    if first:
        return Refused(plan, first)
    graph = build(plan)
    if not isinstance(graph, Graph):
        return Refused(
            plan, (Violation("S.cycle", graph[0], f"waits for itself: {' -> '.join(graph)}"),)
        )
    case = Case(compiled, plan, graph, state)
    _judge(case)
    if case.violations:
        return Refused(plan, tuple(case.violations))
    return Checked(compiled, plan, graph, tuple(case.guards), state, plan.digest, _MINT)


def _frame(compiled: "Compiled", plan: Plan, state: State) -> list[Violation]:
    """The plan is written for this very domain, has an end, and names only what exists."""
    if (plan.domain, plan.schema) != (compiled.name, compiled.digest):
        theirs, ours = (
            f"{plan.domain} {plan.schema[:19]}",
            f"{compiled.name} {compiled.digest[:19]}",
        )
        found = f"written for {theirs}, this is {ours}"
        return [Violation("S.schema", "", found, "write the plan again for this schema")]
    return (
        list(structure.plain(plan))
        or budgets.too_long(plan, compiled.schema.limits, state)
        or list(structure.skeleton(plan, compiled.schema))
    )


def _judge(case: Case) -> None:
    """Plan-wide rules, then each step's own obligations as its generated checker lists them."""
    budgets.sizes(case)
    typestate.one_holder(case)
    effect_rules.shut_out(case)
    for ident in case.graph.order:
        step = case.steps[ident]
        case.compiled.checks[step.tool](case.at(ident))
    # Sums read amounts out of typed arguments; ill-typed ones have been refused by now.
    if not any(v.rule.startswith("S.") for v in case.violations):
        budgets.sums(case)
