"""How far apart two plans are, in edits: add, drop or relabel a step (its tool) or an edge.

An edge says why one step waits for another: for its data, by `after`, by `when`, or for several of
these at once. Arguments other than references do not count. `by_id` trusts the step ids and is
linear; `edit_distance` finds the cheapest alignment, whatever the ids are, and says so when it had
to stop early.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bb_core.plan import Plan, refs

Edge = tuple[int, int]
Kinds = frozenset[str]


@dataclass(frozen=True, slots=True)
class Graph:
    """A plan's shape: one label per node, and why a node waits for another."""

    labels: tuple[str, ...]
    edges: Mapping[Edge, Kinds]


@dataclass(frozen=True, slots=True)
class Distance:
    """The distance lies in [lower, upper]; `exact` when the search was finished."""

    lower: int
    upper: int

    @property
    def exact(self) -> bool:
        """Whether the two bounds meet."""
        return self.lower == self.upper


def shape(plan: Plan) -> Graph:
    """A plan's shape; an edge to a step that is not there is left out."""
    index = {step.id: i for i, step in enumerate(plan.steps)}
    kinds: dict[Edge, set[str]] = {}
    for i, step in enumerate(plan.steps):
        waits = [("data", ref.step) for _, ref in refs(step.args)]
        waits += [("after", other) for other in step.after]
        waits += [("when", step.when.ref.step)] if step.when else []
        for kind, other in waits:
            if other in index:
                kinds.setdefault((index[other], i), set()).add(kind)
    labels = tuple(step.tool for step in plan.steps)
    return Graph(labels, {edge: frozenset(found) for edge, found in kinds.items()})


def by_id(a: Plan, b: Plan) -> int:
    """The edits that turn `a` into `b` when equal ids mean the same step."""
    names_a, names_b = [s.id for s in a.steps], [s.id for s in b.steps]
    ga, gb = shape(a), shape(b)
    nodes = _differences(
        dict(zip(names_a, ga.labels, strict=True)), dict(zip(names_b, gb.labels, strict=True))
    )
    edges = _differences(
        {(names_a[i], names_a[j]): kinds for (i, j), kinds in ga.edges.items()},
        {(names_b[i], names_b[j]): kinds for (i, j), kinds in gb.edges.items()},
    )
    return nodes + edges


def edit_distance(a: Plan, b: Plan, *, seconds: float = 1.0, expansions: int = 100_000) -> Distance:
    """The cheapest edits that turn one plan into the other, whatever their ids.

    Exact for small plans; past either limit, bounds that are right but may not meet.
    """
    ga, gb = shape(a), shape(b)
    unique = all(len({s.id for s in p.steps}) == len(p.steps) for p in (a, b))
    most = len(ga.labels) + len(gb.labels) + len(ga.edges) + len(gb.edges)
    return _Search(ga, gb).run(by_id(a, b) if unique else most, seconds, expansions)


def _differences(a: Mapping[Any, object], b: Mapping[Any, object]) -> int:
    return sum(1 for key in a.keys() | b.keys() if a.get(key) != b.get(key))


def _unmatched(a: Counter[object], b: Counter[object]) -> int:
    """The least edits between two bags of labels: pair and relabel, add or drop the rest."""
    return max(a.total(), b.total()) - (a & b).total()


class _Search:
    """Depth-first branch and bound over alignments of a's nodes, busiest first, to b's nodes."""

    def __init__(self, a: Graph, b: Graph) -> None:
        self.a, self.b = a, b
        busy = Counter(node for edge in a.edges for node in edge)
        self.order = sorted(range(len(a.labels)), key=lambda node: -busy[node])
        self.rest_labels = [
            Counter[object](a.labels[node] for node in self.order[k:])
            for k in range(len(self.order) + 1)
        ]
        self.rest_edges = [
            Counter[object](
                kinds for (i, j), kinds in a.edges.items() if not {i, j} <= set(self.order[:k])
            )
            for k in range(len(self.order) + 1)
        ]

    def run(self, upper: int, seconds: float, expansions: int) -> Distance:
        stop = time.monotonic() + seconds
        stack: list[tuple[int, int, tuple[int | None, ...]]] = [(self.bound(()), 0, ())]
        while stack:
            bound, cost, images = stack.pop()
            if bound >= upper:
                continue
            if expansions <= 0 or time.monotonic() > stop:
                return Distance(min(upper, bound, *(b for b, _, _ in stack)), upper)
            expansions -= 1
            if len(images) == len(self.order):
                upper = bound  # at a leaf the bound is the cost
                continue
            children = list(self.children(cost, images))
            stack += sorted(children, key=lambda child: -child[0])
        return Distance(upper, upper)

    def children(
        self, cost: int, images: tuple[int | None, ...]
    ) -> Iterator[tuple[int, int, tuple[int | None, ...]]]:
        free = [v for v in range(len(self.b.labels)) if v not in images]
        for image in [*free, None]:
            spent = cost + self.step_cost(images, image)
            grown = (*images, image)
            yield spent + self.bound(grown), spent, grown

    def step_cost(self, images: Sequence[int | None], image: int | None) -> int:
        """What aligning the next node adds: its own label, and its edges to aligned nodes."""
        node = self.order[len(images)]
        cost = int(image is None or self.a.labels[node] != self.b.labels[image])
        for other, twin in zip(self.order, images, strict=False):
            there = back = None
            if image is not None and twin is not None:
                there, back = self.b.edges.get((twin, image)), self.b.edges.get((image, twin))
            cost += self.a.edges.get((other, node)) != there
            cost += self.a.edges.get((node, other)) != back
        return cost

    def bound(self, images: tuple[int | None, ...]) -> int:
        """A cost no completion of this alignment can go below; exact once all nodes are aligned."""
        used = set(images)
        labels: Counter[object] = Counter(
            label for v, label in enumerate(self.b.labels) if v not in used
        )
        edges: Counter[object] = Counter(
            kinds for (i, j), kinds in self.b.edges.items() if i not in used or j not in used
        )
        k = len(images)
        return _unmatched(self.rest_labels[k], labels) + _unmatched(self.rest_edges[k], edges)
