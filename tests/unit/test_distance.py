"""Plan distance: what one edit costs, the laws it obeys, and networkx as second opinion."""

import random
from itertools import product

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bb_core.distance import Distance, Graph, by_id, edit_distance, shape
from bb_core.plan import Plan, Ref, Step, When

TOOLS = ("get_order", "refund", "confirm")


def plan(*steps: Step) -> Plan:
    return Plan("shop", "", steps)


def random_plan(draw: random.Random, size: int) -> Plan:
    steps = []
    for i in range(size):
        earlier = [f"n{k}" for k in range(i)]
        args = {f"a{k}": Ref(e, "/x") for k, e in enumerate(earlier) if draw.random() < 0.3}
        after = tuple(e for e in earlier if draw.random() < 0.25)
        steps.append(Step(f"n{i}", draw.choice(TOOLS), args, after))
    return plan(*steps)


def rename(p: Plan, order: list[int]) -> Plan:
    """The same plan under other ids, its steps in another order."""
    names = {s.id: f"m{i}" for i, s in enumerate(p.steps)}
    steps = [
        Step(
            names[s.id],
            s.tool,
            {k: Ref(names[v.step], v.pointer) for k, v in s.args.items()},
            tuple(names[a] for a in s.after),
        )
        for s in p.steps
    ]
    return plan(*(steps[i] for i in order))


def oracle(a: Plan, b: Plan) -> int:
    """The cheapest of all alignments, each one counted out."""
    ga, gb = shape(a), shape(b)
    n, m = len(ga.labels), len(gb.labels)
    return min(
        cost(ga, gb, images) for images in product([*range(m), None], repeat=n) if fair(images)
    )


def fair(images: tuple[int | None, ...]) -> bool:
    """No two nodes have the same image."""
    kept = [image for image in images if image is not None]
    return len(set(kept)) == len(kept)


def cost(a: Graph, b: Graph, images: tuple[int | None, ...]) -> int:
    kept = {u: v for u, v in enumerate(images) if v is not None}
    nodes = sum(a.labels[u] != b.labels[v] for u, v in kept.items())
    nodes += len(a.labels) + len(b.labels) - 2 * len(kept)
    moved = {(kept[i], kept[j]): k for (i, j), k in a.edges.items() if i in kept and j in kept}
    edges = len(a.edges) - len(moved) + sum(b.edges.get(e) != k for e, k in moved.items())
    return nodes + edges + sum(e not in moved for e in b.edges)


def drawn(p: Plan) -> nx.DiGraph:
    made, found = nx.DiGraph(), shape(p)
    made.add_nodes_from((i, {"label": label}) for i, label in enumerate(found.labels))
    made.add_edges_from((i, j, {"label": kinds}) for (i, j), kinds in found.edges.items())
    return made


def same(x: dict[str, object], y: dict[str, object]) -> bool:
    return x["label"] == y["label"]


BASE = (Step("n1", "get_order"), Step("n2", "refund", {"cents": Ref("n1", "/total")}))
EDITS = [
    pytest.param(BASE, 0, id="nothing"),
    pytest.param((BASE[0], Step("n2", "confirm", BASE[1].args)), 1, id="another tool"),
    pytest.param((BASE[0], Step("n2", "refund", {"cents": 5})), 1, id="no data edge"),
    pytest.param((BASE[0], Step("n2", "refund", {}, ("n1",))), 1, id="after instead of data"),
    pytest.param((BASE[0], Step("n2", "refund", BASE[1].args, ("n1",))), 1, id="after as well"),
    pytest.param((*BASE, Step("n3", "confirm")), 1, id="one step more"),
    pytest.param((BASE[0],), 2, id="one step and its edge less"),
    pytest.param(
        (BASE[0], Step("n2", "refund", BASE[1].args, (), When(Ref("n1", "/s"), "==", 1))),
        1,
        id="a condition",
    ),
]


@pytest.mark.parametrize(("steps", "cost"), EDITS)
def test_one_edit_costs_one(steps: tuple[Step, ...], cost: int) -> None:
    assert by_id(plan(*BASE), plan(*steps)) == cost
    assert edit_distance(plan(*BASE), plan(*steps)) == Distance(cost, cost)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 4), st.integers(0, 4))
def test_agrees_with_every_alignment_counted_out(seed: int, n: int, m: int) -> None:
    draw = random.Random(seed)
    a, b = random_plan(draw, n), random_plan(draw, m)
    assert edit_distance(a, b).upper == oracle(a, b)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 3))
def test_nothing_apart_means_isomorphic(seed: int, size: int) -> None:
    draw = random.Random(seed)
    a, b = random_plan(draw, size), random_plan(draw, size)
    alike = nx.is_isomorphic(drawn(a), drawn(b), node_match=same, edge_match=same)
    assert (edit_distance(a, b).upper == 0) == alike


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 5), st.integers(0, 5), st.integers(0, 4))
def test_is_a_distance(seed: int, n: int, m: int, k: int) -> None:
    draw = random.Random(seed)
    a, b, c = (random_plan(draw, size) for size in (n, m, k))
    ab, ba, bc, ac = (edit_distance(*p).upper for p in ((a, b), (b, a), (b, c), (a, c)))
    assert ab == ba
    assert ac <= ab + bc
    assert ab <= by_id(a, b)
    assert edit_distance(a, a).upper == 0


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_ids_and_order_do_not_matter(seed: int, size: int) -> None:
    draw = random.Random(seed)
    a = random_plan(draw, size)
    order = list(range(size))
    draw.shuffle(order)
    assert edit_distance(a, rename(a, order)).upper == 0


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(0, 60))
def test_bounds_hold_when_the_search_stops_early(seed: int, expansions: int) -> None:
    draw = random.Random(seed)
    a, b = random_plan(draw, 6), random_plan(draw, 6)
    exact = edit_distance(a, b, seconds=20).upper
    early = edit_distance(a, b, expansions=expansions)
    assert early.lower <= exact <= early.upper
    assert early.exact == (early.lower == early.upper)


def test_a_large_pair_stops_in_time() -> None:
    draw = random.Random(3)
    found = edit_distance(random_plan(draw, 24), random_plan(draw, 24), seconds=0.2)
    assert 0 < found.lower <= found.upper
