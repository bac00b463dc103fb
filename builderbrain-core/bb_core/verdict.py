"""What the checker says: refused with reasons, or checked, perhaps with guards to be held."""

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from bb_core.canonical import Json
from bb_core.graph import Graph
from bb_core.plan import Plan

if TYPE_CHECKING:
    from bb_core.compiled import Compiled
    from bb_core.state import State

GuardKind = Literal["cel", "ensure", "equal", "type", "sum", "once", "approval"]


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: which, at which step, what was found, what to do about it."""

    rule: str
    step: str
    found: str
    fix: str = ""

    def __str__(self) -> str:
        place = f"{self.step}: " if self.step else ""
        return f"{self.rule}: {place}{self.found}" + (
            f". {self.fix[0].upper()}{self.fix[1:]}" if self.fix else ""
        )


@dataclass(frozen=True, slots=True)
class Guard:
    """A residual obligation: what only live values can show, held just before the effect.

    kind      expr                      data
    cel       condition over args, the step's entities (read afresh) and facts
    ensure    condition over args, result and facts, held before the result is used
    equal     path of the argument      fact: the established fact that must hold of its value
    type      path of the argument      (the argument's own schema is the condition)
    sum       name of the sum           max: limit over the whole run; amount: what this adds
    once      argument names, joined    keys: the arguments that make the call unique
    approval  step that asks            (empty expr: approved in an earlier round)
    """

    step: str
    id: str
    kind: GuardKind
    expr: str
    says: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """The rule id a verdict cites when the guard does not hold."""
        return self.id


@dataclass(frozen=True, slots=True)
class Refused:
    """The plan may not run; `violations` is never empty."""

    plan: Plan
    violations: tuple[Violation, ...]

    @property
    def rules(self) -> frozenset[str]:
        """The ids of the broken rules."""
        return frozenset(v.rule for v in self.violations)


_MINT = object()


@dataclass(frozen=True, slots=True)
class Checked:
    """A plan the checker let pass, with what it was checked against. Only `check` makes one.

    Not covered: code in the same process that sets out to forge one. `digest` is the plan's hash at
    check time; the executor refuses a plan whose hash has changed since.
    """

    compiled: "Compiled"
    plan: Plan
    graph: Graph
    guards: tuple[Guard, ...]
    state: "State"
    digest: str
    mint: InitVar[object] = None

    def __post_init__(self, mint: object) -> None:
        if mint is not _MINT:
            raise TypeError("a Checked plan comes from bb_core.check.check and nowhere else")

    @property
    def safe(self) -> bool:
        """Whether nothing is left to be shown at run time."""
        return not self.guards

    @property
    def order(self) -> tuple[str, ...]:
        """Step ids in canonical topological order."""
        return self.graph.order

    def guards_of(self, step: str) -> tuple[Guard, ...]:
        """The guards one step must hold."""
        return tuple(g for g in self.guards if g.step == step)


Verdict = Refused | Checked


def verdict_json(verdict: Verdict, told: Callable[[str], str] = str) -> dict[str, Json]:
    """A verdict as a ledger body: its word, and the violations or guards in order.

    told: what stands for a violation's texts, which quote the plan.
    """
    if isinstance(verdict, Refused):
        rows: list[Json] = [
            {"rule": v.rule, "step": v.step, "found": told(v.found), "fix": told(v.fix)}
            for v in verdict.violations
        ]
        return {"verdict": "refused", "violations": rows}
    guards: list[Json] = [
        {"id": g.id, "step": g.step, "kind": g.kind, "expr": g.expr} for g in verdict.guards
    ]
    return {"verdict": "checked" if verdict.safe else "checked with guards", "guards": guards}
