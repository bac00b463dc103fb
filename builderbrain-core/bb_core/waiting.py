"""The steps before a new one as it sees them: which nobody waits for, and which it has reached."""

from dataclasses import dataclass

from bb_core.graph import Graph, build
from bb_core.plan import Plan


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a plan's last steps may wait for, steps counted from 0.

    above    for each earlier step, the steps that surely ran before it
    open     the earlier steps that no earlier step needs
    reached  the steps that surely ran before one whose result the new ones use: to wait for one
             of them says nothing
    """

    above: tuple[frozenset[int], ...]
    open: frozenset[int]
    reached: frozenset[int]


def waiting(plan: Plan, base: int) -> Waiting:
    """What the steps of a plan from `base` on may wait for; references go to earlier steps only."""
    graph = build(plan)
    assert isinstance(graph, Graph)
    place = {step.id: i for i, step in enumerate(plan.steps)}
    above = tuple(
        frozenset(place[a] for a in graph.ancestors[step.id]) for step in plan.steps[:base]
    )
    needed = {place[p] for step in plan.steps[:base] for p in graph.parents[step.id]}
    used = {place[p] for step in plan.steps[base:] for p in graph.parents[step.id]} - set(
        range(base, len(plan.steps))
    )
    reached = frozenset[int]().union(*(above[p] for p in used))
    return Waiting(above, frozenset(range(base)) - needed, reached)
