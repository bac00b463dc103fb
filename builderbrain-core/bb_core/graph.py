"""The order of a plan's steps: who waits for whom, directly and in the end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bb_core.plan import Plan, When, needs


@dataclass(frozen=True, slots=True)
class Graph:
    """A plan's dependency graph, acyclic by construction.

    `order` is the canonical topological order (first in the plan goes first among the ready).
    `ancestors[s]` holds every step that has succeeded before `s` may run: its dominators, because
    a step is skipped when anything it needs is skipped or fails.
    """

    order: tuple[str, ...]
    parents: Mapping[str, frozenset[str]]
    ancestors: Mapping[str, frozenset[str]]
    waves: tuple[tuple[str, ...], ...]
    conditions: Mapping[str, tuple[When, ...]]
    """What must hold for a step to run: its own condition and those of its ancestors."""

    def ordered(self, a: str, b: str) -> bool:
        """Whether one of the two surely runs before the other."""
        return a in self.ancestors[b] or b in self.ancestors[a]

    def conditional(self, step: str, conditions: Iterable[str]) -> frozenset[str]:
        """Those of `conditions` that decide whether `step` runs: itself or an ancestor."""
        return frozenset(c for c in conditions if c == step or c in self.ancestors[step])


def build(plan: Plan) -> Graph | tuple[str, ...]:
    """The graph, or the ids along one cycle. References to unknown steps are left out."""
    ids = {step.id for step in plan.steps}
    parents = {step.id: needs(step) & ids for step in plan.steps}
    waves, ancestors = [], dict[str, frozenset[str]]()
    left = [step.id for step in plan.steps]
    while left:
        ready = [s for s in left if parents[s] <= ancestors.keys()]
        if not ready:
            return _cycle(parents, left)
        for s in ready:
            ancestors[s] = parents[s].union(*(ancestors[p] for p in parents[s]))
        waves.append(tuple(ready))
        left = [s for s in left if s not in ancestors]
    order = tuple(s for wave in waves for s in wave)
    whens = {step.id: step.when for step in plan.steps if step.when}
    conditions = {
        s: tuple(whens[a] for a in (s, *sorted(ancestors[s])) if a in whens) for s in order
    }
    return Graph(order, parents, ancestors, tuple(waves), conditions)


def _cycle(parents: Mapping[str, frozenset[str]], left: list[str]) -> tuple[str, ...]:
    """Walk backwards among the stuck steps until one comes round again."""
    stuck, seen, here = set(left), list[str](), left[0]
    while here not in seen:
        seen.append(here)
        here = next(p for p in sorted(parents[here]) if p in stuck)
    return (*reversed(seen[seen.index(here) :]),)
