"""Audits: proxies that drift from outcomes, losses that pull apart, ranks that must not decide."""

import random

import pytest

from bb_core.duals import Constraint, Warmup, duals, step
from bb_train.audits.proxy import Checkpoint, apart, correlation, proxy_alarms

torch = pytest.importorskip("torch")

from bb_train.audits.cosine_log import conflicts, cosine_row  # noqa: E402
from bb_train.lagrangian import lagrangian, priced  # noqa: E402
from bb_train.scale import rank_weights, winsor_weights  # noqa: E402
from bb_train.surgery.shared import Surgery  # noqa: E402

torch.set_num_threads(1)


def checkpoints(proxies: list[float], successes: list[float], n: int = 200) -> list[Checkpoint]:
    """Examples with a proxy around the mean given; the first share of them succeeds."""
    draw = random.Random(0)
    noise = [draw.uniform(-0.01, 0.01) for _ in range(n)]
    return [
        Checkpoint(tuple(p + e for e in noise), tuple(i < s * n for i in range(n)))
        for p, s in zip(proxies, successes, strict=True)
    ]


def test_an_honest_proxy_is_silent() -> None:
    path = checkpoints([1.0, 0.6, 0.4, 0.3, 0.25], [0.1, 0.5, 0.7, 0.8, 0.85])
    assert proxy_alarms("cfs", path) == ()


def test_a_wound_up_run_trips_both_rules() -> None:
    """The figures of a run whose energy went to nothing while success went from .89 to .21."""
    path = checkpoints([0.06, 0.02, 0.004, 0.0004, 0.0002], [0.89, 0.75, 0.5, 0.3, 0.21])
    found = proxy_alarms("cfs", path)
    assert {a.rule for a in found} == {"apart", "against"}
    assert found[0].proxy == "cfs" and found[0].checkpoint == 1
    assert "successes lost" in found[0].found


def test_noise_trips_nothing() -> None:
    draw, alarms = random.Random(1), 0
    for _ in range(40):
        rows = [
            Checkpoint(
                tuple(draw.random() for _ in range(60)),
                tuple(draw.random() < 0.7 for _ in range(60)),
            )
            for _ in range(2)
        ]
        alarms += bool(apart(*rows))
    assert alarms <= 1


def test_correlation() -> None:
    assert correlation([(0, 0), (1, 2), (2, 4)]) == pytest.approx(1.0)
    assert correlation([(0, 1), (1, 0)]) == pytest.approx(-1.0)
    assert correlation([(1, 0), (1, 5)]) is None and correlation([]) is None


def surgery(ab: float, norms: tuple[float, float] = (1.0, 1.0)) -> Surgery:
    return Surgery(("a", "b"), ((1.0, ab), (ab, 1.0)), norms)


def test_the_cosine_log_counts_conflicts() -> None:
    log = [surgery(-0.2), surgery(0.4), surgery(-0.6), surgery(0.0, (1.0, 0.0))]
    assert cosine_row(log[0]) == {"a|b": -0.2}
    assert conflicts(log) == {("a", "b"): pytest.approx(2 / 3)}


def test_ranks_scale_and_never_decide() -> None:
    """A stream that meets its limit: raw, the multiplier rests; ranks would hold it up forever."""
    met = Constraint("k", limit=0.1, eta=0.1, lambda_max=5.0)
    raw = ranked = duals(met, warmup=Warmup(at_least=0, fraction=1.0))
    source = torch.Generator().manual_seed(0)
    for _ in range(200):
        batch = torch.rand(16, generator=source) * 0.05
        raw = step(raw, {"k": float(batch.mean())}, 1.0)
        share = (batch.argsort().argsort() + 0.5) / len(batch)
        ranked = step(ranked, {"k": float(share.mean())}, 1.0)
    assert raw.duals[0].feasible and raw.multipliers["k"] == 0.0
    assert not ranked.duals[0].feasible and ranked.multipliers["k"] == 5.0


def test_nothing_in_scale_returns_a_loss() -> None:
    """Weights have no gradient and no unit: the raw loss stays what it was, times them."""
    losses = torch.tensor([0.1, 0.2, 50.0, 0.3], requires_grad=True)
    for weigh in (rank_weights, winsor_weights):
        weights = weigh(losses)
        assert not weights.requires_grad and bool((weights > 0).all())
        assert torch.allclose(weigh(losses * 1024), weights, rtol=1e-5)


def test_ranks_and_winsor_hold_the_tail() -> None:
    losses = torch.tensor([1.0, 2.0, 3.0, 1000.0])
    pull = rank_weights(losses) * losses
    assert torch.allclose(pull / pull[0], torch.tensor([1.0, 3.0, 5.0, 7.0]))
    assert float(pull.mean()) == pytest.approx(float(losses.mean()), rel=1e-5)
    many = torch.cat([torch.linspace(1, 2, 99), torch.tensor([1e6])])
    assert float((winsor_weights(many) * many).max()) <= 2.0
    assert torch.equal(winsor_weights(torch.zeros(4)), torch.ones(4))


def test_the_lagrangian_is_the_task_and_its_prices() -> None:
    state = duals(
        Constraint("cfs", 0.5, eta=1.0),
        Constraint("kl", 2.0),
        Constraint("idle", 9.0),
        warmup=Warmup(at_least=0, fraction=1.0),
    )
    state = step(state, {"cfs": 4.0, "kl": 1.0, "idle": 1.0}, 1.0)
    losses = {"cfs": torch.tensor(4.0), "kl": torch.tensor(1.0), "idle": torch.tensor(1.0)}
    assert state.multipliers == {"cfs": 1.0, "kl": 0.0, "idle": 0.0}
    assert list(priced(losses, state)) == ["cfs"]
    assert float(lagrangian(torch.tensor(1.0), losses, state)) == pytest.approx(1.0 + 3.5)
    assert float(lagrangian(torch.tensor(1.0), {}, state)) == 1.0
