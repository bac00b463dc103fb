"""One step of a plan being checked: where its rules stand and what they found.

The generated checker calls the methods here, one line per obligation. Each method only forwards to
the rule family's module; the families never see each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bb_core import budgets, effect_rules, flow, structure, typestate
from bb_core.graph import Graph
from bb_core.guards import holds, names
from bb_core.plan import Plan, Step, Value, refs, value_json
from bb_core.schema import PlanSchema, Tool
from bb_core.state import State
from bb_core.terms import MISSING, Term, path_value, term
from bb_core.verdict import Guard, GuardKind, Violation

if TYPE_CHECKING:
    from bb_core.compiled import Compiled


@dataclass
class Case:
    """A plan being checked: its graph, the state before it, and the findings so far."""

    compiled: "Compiled"
    plan: Plan
    graph: Graph
    state: State
    violations: list[Violation] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.schema: PlanSchema = self.compiled.schema
        self.steps: Mapping[str, Step] = {step.id: step for step in self.plan.steps}
        self.acting = [s for s in self.plan.steps if self.schema.tools[s.tool].effect.acts]
        self.history = typestate.History(self)
        self.labels = flow.label_all(self.plan, self.graph, self.schema, self.state)

    def at(self, step: str) -> "At":
        """One of the plan's steps in this case."""
        return At(self, self.steps[step])

    def refuse(self, rule: str, step: str, found: str, fix: str = "") -> None:
        """Note a broken rule."""
        self.violations.append(Violation(rule, step, found, fix))


@dataclass
class At:
    """One step in its case. Every method is one obligation of the step's tool."""

    case: Case
    step: Step

    @property
    def spec(self) -> Tool:
        """The step's tool."""
        return self.case.schema.tools[self.step.tool]

    def refuse(self, rule: str, found: str, fix: str = "") -> None:
        """Note a broken rule at this step."""
        self.case.refuse(rule, self.step.id, found, fix)

    def residue(self, rule: str, kind: GuardKind, expr: str, says: str = "", **data: Any) -> None:
        """Leave an obligation for run time."""
        self.case.guards.append(Guard(self.step.id, rule, kind, expr, says, data))

    def value(self, path: str) -> Value:
        """What `args.x` or `result.y` stands for here."""
        return path_value(self.step, path)

    def term(self, path: str) -> Term:
        """The symbolic value of a path here."""
        value = self.value(path)
        return MISSING if value is None else term(value, self.case.steps, self.case.schema)

    def types(self) -> None:
        """S: arguments are the tool's, complete, and of their types; references fit."""
        structure.types(self)

    def unratified(self, where: str) -> None:
        """E: nobody has said yet what this imported tool does, so it may do anything."""
        found = f"nobody has ratified what {self.step.tool} does"
        self.refuse("E.unratified", found, f"a person states its effect at {where}")

    def requires(self, fact: str, path: str = "") -> None:
        """T: the fact is established before this step on every way here, and not killed since."""
        typestate.requires(self, fact, path)

    def approved(self) -> None:
        """A: a step that asks comes first, and every argument is known when it asks."""
        typestate.approved(self)

    def before_irreversible(self) -> None:
        """E: what may come before this irreversible step can be undone; its checks are made."""
        effect_rules.before_irreversible(self)

    def excludes(self, *tools: str) -> None:
        """E: none of these tools is in the run."""
        effect_rules.excludes(self, tools)

    def no_race(self) -> None:
        """R: no other write may touch the same entity at the same time."""
        effect_rules.no_race(self)

    def once_per(self, *args: str) -> None:
        """B: at most one call with these arguments in a run."""
        budgets.once_per(self, args)

    def sink(
        self, arg: str, *, readers: frozenset[str] | None = None, trusted: bool = False
    ) -> None:
        """F: only what these readers may see, and only what is trusted, flows into the argument."""
        flow.sink(self, arg, readers, trusted)

    def control(self) -> None:
        """F: an effect does not hang on a condition an untrusted value decides."""
        flow.control(self)

    def guard(self, rule: str, expr: str, says: str = "") -> None:
        """G: decided now if it only speaks of known arguments, else held just before the effect."""
        if names(expr) & (self.spec.entity.keys() | {"facts", "result"}) or any(
            refs(self.step.args)
        ):
            self.residue(f"G.{rule}", "cel", expr, says)
            return
        good, why = holds(expr, {"args": value_json(self.step.args)})
        if not good:
            self.refuse(f"G.{rule}", f"{says or expr} does not hold" + (f" ({why})" if why else ""))

    def ensures(self, rule: str, expr: str, says: str = "") -> None:
        """G: held on the result before anything may use it."""
        self.residue(f"G.{rule}", "ensure", expr, says)
