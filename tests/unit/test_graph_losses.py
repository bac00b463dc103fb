"""The call graph's losses: nothing at gold, nothing above the diagonal, no collapse."""

import math
import random

import pytest

torch = pytest.importorskip("torch")

from bb_train.losses.build import Composer, build_loss  # noqa: E402
from bb_train.losses.canonical_order import canonical_order  # noqa: E402
from bb_train.losses.g2g import g2g_loss  # noqa: E402

torch.set_num_threads(1)
SKILLS = 4


def gold() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    nodes = torch.tensor([[0, 2, 1, 3], [1, 1, 0, 0]])
    edges = torch.zeros(2, 4, 4, dtype=torch.bool)
    edges[0, 1, 0] = edges[0, 3, 1] = edges[0, 3, 2] = edges[1, 1, 0] = True
    keep = torch.tensor([[True] * 4, [True, True, False, False]])
    return nodes, edges, keep


def certain(nodes: torch.Tensor, edges: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    hot = torch.nn.functional.one_hot(nodes, SKILLS).float()
    return hot * 200, torch.where(edges, 100.0, -100.0)


def test_zero_at_gold() -> None:
    nodes, edges, keep = gold()
    found = g2g_loss(*_interleave(certain(nodes, edges), (nodes, edges)), keep)
    assert float(found.total) == pytest.approx(0.0, abs=1e-6)


def _interleave(logits: tuple, golds: tuple) -> tuple:
    return logits[0], golds[0], logits[1], golds[1]


def test_parts_add_up_and_a_wrong_edge_costs() -> None:
    nodes, edges, keep = gold()
    logits, gates = certain(nodes, edges)
    gates[0, 2, 0] = 100.0
    found = g2g_loss(logits, nodes, gates, edges, keep, torch.tensor(0.5), beta=2.0)
    assert float(found.nodes) == pytest.approx(0.0, abs=1e-6)
    assert float(found.edges) > 1.0 and float(found.arguments) == 0.5
    assert float(found.total) == pytest.approx(2.0 * float(found.edges) + 0.5, rel=1e-5)


def test_only_earlier_real_nodes_have_edges() -> None:
    nodes, edges, keep = gold()
    logits = torch.zeros(2, 4, SKILLS, requires_grad=True)
    gates = torch.full((2, 4, 4), math.inf)
    real = (keep.unsqueeze(-1) & keep.unsqueeze(-2)).tril(-1)
    gates[real] = 0.0
    gates.requires_grad_()
    g2g_loss(logits, nodes, gates, edges, keep).total.backward()
    assert torch.equal(gates.grad != 0, real)
    assert torch.equal(logits.grad.abs().sum(-1) > 0, keep)


def test_rare_edges_weigh_as_much_as_no_edges() -> None:
    nodes, keep = torch.zeros(1, 12, dtype=torch.long), torch.ones(1, 12, dtype=torch.bool)
    edges = torch.zeros(1, 12, 12, dtype=torch.bool)
    edges[0, 1, 0] = True
    gates = torch.zeros(1, 12, 12, requires_grad=True)
    g2g_loss(torch.zeros(1, 12, SKILLS), nodes, gates, edges, keep).edges.backward()
    there = float(gates.grad[edges].sum())
    assert there == pytest.approx(-0.25) and float(gates.grad.sum()) == pytest.approx(0.0, abs=1e-6)


def test_a_plan_of_one_step_has_no_edges_to_learn() -> None:
    keep = torch.ones(1, 1, dtype=torch.bool)
    logits = torch.zeros(1, 1, SKILLS, requires_grad=True)
    found = g2g_loss(
        logits, torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 1, 1), ~keep.unsqueeze(-1), keep
    )
    assert float(found.edges) == 0.0 and float(found.total.detach()) == pytest.approx(math.log(4))


def random_graph(draw: random.Random, size: int) -> tuple[list[str], dict[int, set[int]]]:
    labels = [draw.choice("abc") for _ in range(size)]
    return labels, {i: {j for j in range(i) if draw.random() < 0.4} for i in range(size)}


def adjacency(labels: list[str], parents: dict[int, set[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    order = canonical_order(labels, parents)
    place = {node: i for i, node in enumerate(order)}
    edges = torch.zeros(1, len(labels), len(labels), dtype=torch.bool)
    for node, above in parents.items():
        for parent in above:
            edges[0, place[node], place[parent]] = True
    return torch.tensor([["abc".index(labels[n]) for n in order]]), edges


@pytest.mark.parametrize("seed", range(40))
def test_relabelling_a_plan_changes_no_loss(seed: int) -> None:
    draw = random.Random(seed)
    labels, parents = random_graph(draw, draw.randint(1, 8))
    new = list(range(len(labels)))
    draw.shuffle(new)
    renamed = [""] * len(labels)
    for old, fresh in enumerate(new):
        renamed[fresh] = labels[old]
    moved = {new[i]: {new[j] for j in above} for i, above in parents.items()}
    one, two = adjacency(labels, parents), adjacency(renamed, moved)
    assert torch.equal(one[0], two[0]) and torch.equal(one[1], two[1])
    logits = torch.randn(1, len(labels), SKILLS, generator=torch.Generator().manual_seed(seed))
    gates = torch.zeros(1, len(labels), len(labels))
    keep = torch.ones(1, len(labels), dtype=torch.bool)
    losses = [g2g_loss(logits, nodes, gates, edges, keep).total for nodes, edges in (one, two)]
    assert torch.equal(losses[0], losses[1])


def test_the_order_is_topological_and_least_first() -> None:
    assert canonical_order(["b", "a", "c"], {2: [0], 1: []}) == (1, 0, 2)
    assert canonical_order(["a", "b"], {0: [1]}) == (1, 0)
    with pytest.raises(ValueError, match="wait for each other"):
        canonical_order(["a", "b"], {0: [1], 1: [0]})


def registers(count: int = 24, width: int = 16) -> torch.Tensor:
    return torch.randn(1, count, width, generator=torch.Generator().manual_seed(0))


def test_a_constant_gets_at_least_log_n() -> None:
    m, keep = registers(), torch.ones(1, 24, dtype=torch.bool)
    for seed in range(20):
        constant = torch.randn(16, generator=torch.Generator().manual_seed(seed)).expand(1, 24, 16)
        assert float(build_loss(constant, m, keep)) >= math.log(24) - 1e-5
    same = torch.ones(1, 24, 16)
    assert float(build_loss(same, same, keep)) == pytest.approx(math.log(24), abs=1e-5)
    assert float(build_loss(m, m, keep)) < 0.1


def test_padding_does_not_count_and_registers_do_not_learn() -> None:
    m, keep = registers().requires_grad_(), torch.arange(24).unsqueeze(0) < 10
    c = registers().requires_grad_()
    assert torch.equal(build_loss(c, m, keep), build_loss(c[:, :10], m[:, :10], keep[:, :10]))
    build_loss(c, m, keep).backward()
    assert m.grad is None and torch.equal(c.grad[0, 10:], torch.zeros(14, 16))
    empty = build_loss(c, m, torch.zeros(1, 24, dtype=torch.bool))
    assert float(empty.detach()) == 0.0


def test_shuffled_parents_raise_it() -> None:
    """Registers that truly are made from their parents: a composer learns it, and misses it."""
    source = torch.Generator().manual_seed(0)
    batch, size, width = 32, 4, 12
    m, weights = torch.zeros(batch, size, width), torch.zeros(batch, size, size)
    skills = torch.randn(batch, size, width, generator=source)
    m[:, 0] = torch.randn(batch, width, generator=source)
    for i in range(1, size):
        weights[torch.arange(batch), i, torch.randint(i, (batch,), generator=source)] = 1.0
        m[:, i] = (weights[:, i : i + 1] @ m)[:, 0].roll(1, -1) + 0.3 * skills[:, i]
    keep = torch.ones(batch, size, dtype=torch.bool)
    keep[:, 0] = False
    torch.manual_seed(0)
    composer = Composer(width, 48)
    fit = torch.optim.Adam(composer.parameters(), 5e-3)
    for _ in range(150):
        fit.zero_grad()
        loss = build_loss(composer(skills, m, weights), m, keep)
        loss.backward()
        fit.step()
    shuffled = weights[torch.randperm(batch, generator=source)]
    with torch.no_grad():
        learnt, missed = (
            float(build_loss(composer(skills, m, w), m, keep)) for w in (weights, shuffled)
        )
    assert learnt < 0.7 * math.log(batch * (size - 1))
    assert missed > learnt + 0.5


def test_no_parent_comes_later() -> None:
    composer, m = Composer(16), registers()
    weights = torch.zeros(1, 24, 24)
    later = weights.clone()
    later[0, 3, 3] = later[0, 3, 7] = 1.0
    assert torch.equal(composer(m, m, weights), composer(m, m, later))
