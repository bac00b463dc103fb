"""Gradient surgery: its laws, torchjd as second opinion, shared point against parameters."""

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from bb_train.surgery.cagrad import cagrad_weights  # noqa: E402
from bb_train.surgery.combine import combine, cosines  # noqa: E402
from bb_train.surgery.parameters import parameter_backward  # noqa: E402
from bb_train.surgery.pcgrad import pcgrad_weights  # noqa: E402
from bb_train.surgery.shared import Surgery, grouped, surgery_backward  # noqa: E402

torch.set_num_threads(1)


def jacobian(count: int, width: int = 12, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(5))
def test_pcgrad_matches_torchjd(count: int, seed: int) -> None:
    aggregation = pytest.importorskip("torchjd.aggregation")
    grads = jacobian(count, 6, seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        theirs = aggregation.PCGrad()(grads)
    assert torch.allclose(combine(grads, "pcgrad", seed), theirs, atol=1e-9)


@pytest.mark.parametrize("count", [2, 3, 6, 8])
@pytest.mark.parametrize("c", [0.0, 0.4, 0.9])
def test_cagrad_matches_torchjd(count: int, c: float) -> None:
    pytest.importorskip("cvxpy")
    aggregation = pytest.importorskip("torchjd.aggregation")
    for seed in range(4):
        grads = jacobian(count, 10, seed)
        mine = cagrad_weights(grads @ grads.T, c) @ grads
        theirs = aggregation.CAGrad(c=c)(grads)
        assert float((mine - theirs).norm() / theirs.norm()) < 2e-2
        # The inner problem is flat near its end: hold the value, not only the point.
        assert float((grads @ mine).min()) >= float((grads @ theirs).min()) - 1e-2


def test_pcgrad_golden() -> None:
    grads = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
    assert torch.allclose(combine(grads, "pcgrad"), torch.tensor([0.5, 1.5]))


@pytest.mark.parametrize("method", ["pcgrad", "cagrad", "sum"])
def test_without_a_conflict_pcgrad_is_the_sum_and_all_agree_on_equals(method: str) -> None:
    apart = torch.eye(3)
    assert torch.allclose(combine(apart, "pcgrad"), apart.sum(0))
    same = torch.ones(4, 5)
    found = combine(same, method)  # type: ignore[arg-type]
    assert torch.allclose(found / found.norm(), same[0] / same[0].norm())


@pytest.mark.parametrize("seed", range(10))
def test_no_pair_is_hurt(seed: int) -> None:
    """PCGrad of two never opposes either; CAGrad raises the worst-off over the mean."""
    pair = jacobian(2, 8, seed)
    assert float((pair @ combine(pair, "pcgrad")).min()) >= -1e-9
    grads = jacobian(6, 8, seed)
    mean, averse = grads.mean(0), cagrad_weights(grads @ grads.T, 0.5) @ grads
    assert float((grads @ averse).min()) >= float((grads @ mean).min()) - 1e-9
    assert float((averse - mean).norm()) <= 0.5 * float(mean.norm()) * 1.0001


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_scale_and_rotation_change_nothing_else(scale: float) -> None:
    grads = jacobian(4, 6)
    turn, _ = torch.linalg.qr(jacobian(6, 6, seed=9))
    for method in ("pcgrad", "cagrad"):
        one = combine(grads, method)  # type: ignore[arg-type]
        assert torch.allclose(combine(grads * scale, method), one * scale, rtol=1e-4)  # type: ignore[arg-type]
        assert torch.allclose(combine(grads @ turn, method), one @ turn, atol=1e-6)  # type: ignore[arg-type]


def test_zero_gradients_and_stationary_points() -> None:
    assert torch.equal(pcgrad_weights(torch.zeros(3, 3)), torch.ones(3))
    grads = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert torch.allclose(combine(grads, "pcgrad"), grads[0])
    opposed = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert torch.allclose(combine(opposed, "cagrad"), torch.zeros(2), atol=1e-6)
    table = cosines(grads @ grads.T)
    assert table.tolist() == [[1.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("tiny", [0.0, 1e-6])
def test_what_pulls_at_nothing_stops_nobody(tiny: float) -> None:
    grads = jacobian(3)
    more = torch.cat([grads, tiny * jacobian(1, seed=5)])
    found, alone = combine(more, "cagrad"), combine(grads, "cagrad")
    assert torch.allclose(found, alone, atol=1e-5) and float(alone.norm()) > 0


class Small(nn.Module):
    """A trunk and three heads that want different things of it."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.trunk = nn.Sequential(nn.Linear(8, 24), nn.Tanh(), nn.Linear(24, 16))
        self.heads = nn.ModuleList(nn.Linear(16, 5) for _ in range(3))
        self.heads[1].load_state_dict(self.heads[0].state_dict())  # a and b read the same numbers

    def losses(self) -> tuple[dict[str, Tensor], Tensor]:
        source = torch.Generator().manual_seed(3)
        x = torch.randn(32, 8, generator=source)
        shared = self.trunk(x)
        a, c = torch.randint(5, (2, 32), generator=source)
        found = {}
        for name, head, target in zip("abc", self.heads, (a, (a + 1) % 5, c), strict=True):
            found[name] = nn.functional.cross_entropy(head(shared), target)
        return found, shared


def flat(module: nn.Module) -> Tensor:
    return torch.cat([p.grad.reshape(-1) for p in module.parameters() if p.grad is not None])


def test_without_surgery_it_is_plain_backward() -> None:
    plain, operated = Small(0), Small(0)
    losses, _ = plain.losses()
    sum(losses.values()).backward()
    losses, shared = operated.losses()
    report = surgery_backward(losses, shared, method="sum")
    assert torch.allclose(flat(plain), flat(operated), atol=1e-7)
    assert report.names == ("a", "b", "c") and len(report.norms) == 3


def test_one_loss_alone_is_one_backward() -> None:
    plain, operated, passed = Small(0), Small(0), list[int]()
    plain.losses()[0]["a"].backward()
    operated.trunk[1].register_full_backward_hook(lambda *_: passed.append(1))  # type: ignore[no-untyped-call]
    losses, _ = operated.losses()
    report = surgery_backward({"a": losses["a"]}, operated.trunk[0].weight)
    assert torch.equal(flat(plain), flat(operated))
    assert len(passed) == 1 and report.names == ("a",) and report.conflicts == 0


def test_the_trunk_gets_the_combination_the_heads_their_own() -> None:
    plain, operated = Small(1), Small(1)
    losses, _ = plain.losses()
    sum(losses.values()).backward()
    losses, shared = operated.losses()
    rows = [torch.autograd.grad(x, shared, retain_graph=True)[0] for x in losses.values()]
    wanted = combine(torch.stack([g.reshape(-1) for g in rows]), "pcgrad", seed=5)
    trunk = list(operated.trunk.parameters())
    expected = torch.autograd.grad(shared, trunk, wanted.view_as(shared), retain_graph=True)
    report = surgery_backward(losses, shared, method="pcgrad", seed=5)
    assert torch.allclose(flat(operated.heads), flat(plain.heads), atol=1e-7)
    down = torch.cat([g.reshape(-1) for g in expected])
    assert torch.allclose(flat(operated.trunk), down, atol=1e-6)
    assert report.conflicts > 0
    assert not torch.allclose(flat(operated.trunk), flat(plain.trunk), atol=1e-4)


def test_gradients_accumulate_and_no_hook_stays() -> None:
    model = Small(2)
    losses, shared = model.losses()
    surgery_backward(losses, shared, seed=1)
    once = flat(model).clone()
    losses, shared = model.losses()
    surgery_backward(losses, shared, seed=1)
    assert torch.allclose(flat(model), 2 * once, atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_shared_point_points_where_the_parameters_point(seed: int) -> None:
    """First order only, so a cosine and not equality: a regression bound."""
    near, exact = Small(seed), Small(seed)
    losses, shared = near.losses()
    report = surgery_backward(losses, shared, method="pcgrad", seed=0)
    losses, _ = exact.losses()
    parameter_backward(losses, list(exact.trunk.parameters()), method="pcgrad", seed=0)
    cosine = torch.nn.functional.cosine_similarity(flat(near.trunk), flat(exact.trunk), dim=0)
    assert report.conflicts > 0
    assert float(cosine) > 0.97


def test_groups_are_summed_before_surgery() -> None:
    model = Small(3)
    losses, shared = model.losses()
    report = surgery_backward(losses, shared, groups=[["a"], ["b", "c", "absent"]])
    assert report.names == ("a", "b+c")
    assert list(grouped({"x": torch.ones(()), "y": torch.ones(())}, [["y"]])) == ["y", "x"]


def test_several_shared_tensors_and_a_loss_that_misses_one() -> None:
    model, other = Small(4), nn.Linear(8, 16)
    losses, shared = model.losses()
    second = other(torch.ones(4, 8))
    losses["d"] = second.square().mean()
    report = surgery_backward(losses, [shared, second])
    assert len(report.names) == 4
    assert other.weight.grad is not None and bool((other.weight.grad != 0).any())
    at = report.names.index("d")
    assert all(report.cosines[at][j] == 0.0 for j in range(3))


def test_two_groups_of_parameters() -> None:
    model = Small(5)
    losses, _ = model.losses()
    report = parameter_backward(losses, list(model.trunk.parameters()), groups=[["a"], ["b", "c"]])
    assert len(report.names) == 2 and model.heads[0].weight.grad is None
    alone = Small(5)
    losses, _ = alone.losses()
    parameter_backward(losses, list(alone.trunk.parameters()), method="sum")
    again = Small(5)
    losses, _ = again.losses()
    sum(losses.values()).backward()
    assert torch.allclose(flat(alone.trunk), flat(again.trunk), atol=1e-6)


def test_conflicts_is_a_share() -> None:
    table = ((1.0, -0.5, 0.2), (-0.5, 1.0, -0.1), (0.2, -0.1, 1.0))
    assert Surgery(("a", "b", "c"), table, (1.0,) * 3).conflicts == pytest.approx(2 / 3)
    assert Surgery(("a",), ((1.0,),), (1.0,)).conflicts == 0.0
