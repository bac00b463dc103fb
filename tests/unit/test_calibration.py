"""Confidences that mean what they say: measured without bias, repaired, and trained."""

import random

import pytest

from bb_core.calibration import brier, calibration, past_bins, prequential_ece
from bb_core.recalibrate import Recalibration, recalibrate


def stream(n: int, seed: int, power: float = 1.0) -> tuple[list[float], list[bool]]:
    """Confidences p, hits of probability p**power: calibrated for power 1, boasting above."""
    draw = random.Random(seed)
    shown = [draw.random() for _ in range(n)]
    return shown, [draw.random() < p**power for p in shown]


def test_a_calibrated_stream_is_near_zero_once_debiased() -> None:
    found = [calibration(*stream(1000, seed), draws=60) for seed in range(12)]
    assert all(f.ece > 0.005 for f in found)  # the bias is there
    assert sum(f.debiased for f in found) / 12 < 0.006
    assert sum(f.ece > f.noise_95 for f in found) <= 3


def test_a_boasting_stream_is_seen() -> None:
    found = calibration(*stream(2000, 0, power=2.0), draws=60)
    # E[p - p^2] = 1/6, and the debiasing takes the noise off it.
    assert found.ece == pytest.approx(1 / 6, abs=0.03) and found.debiased > 0.1
    assert found.ece > found.noise_95 and found.count == 2000


def test_golden() -> None:
    sure = [0.9, 0.9, 0.9, 0.9]
    assert prequential_ece(sure, [True] * 4, bins=2) == pytest.approx(0.1)
    assert prequential_ece([0.0, 1.0], [False, True]) == 0.0
    assert prequential_ece([1.0, 1.0], [True, False], bins=1) == pytest.approx(0.5)
    assert brier([1.0, 0.5], [False, True]) == pytest.approx(0.625)


def test_bins_know_only_the_past() -> None:
    shown, _ = stream(200, 3)
    places = past_bins(shown, 10)
    for cut in (1, 50, 137):
        assert past_bins(shown[:cut], 10) == places[:cut]
    counts = [places[20:].count(b) for b in range(10)]
    assert min(counts) > 5  # quantiles: every bin is used


def test_a_stream_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 confidences for 1 hits"):
        calibration([0.1, 0.2], [True])
    with pytest.raises(ValueError, match="0 confidences"):
        calibration([], [])


def test_two_numbers_repair_a_boast() -> None:
    draw = random.Random(1)
    true = Recalibration(slope=0.5, shift=-1.0)
    shown = [draw.random() for _ in range(4000)]
    hits = [draw.random() < true(p) for p in shown]
    learnt = recalibrate(shown[:3000], hits[:3000])
    assert learnt.slope == pytest.approx(0.5, abs=0.1)
    assert learnt.shift == pytest.approx(-1.0, abs=0.15)
    before, after = (
        calibration(p, hits[3000:], draws=40).debiased
        for p in (shown[3000:], [learnt(p) for p in shown[3000:]])
    )
    assert before > 0.1 and after < 0.02


def test_recalibration_keeps_the_ranking_and_its_head() -> None:
    shown = [0.0, 0.2, 0.5, 0.9, 1.0]
    assert [Recalibration()(p) for p in shown] == pytest.approx(shown, abs=1e-5)
    one_sided = recalibrate([0.99] * 20, [True] * 20)
    assert one_sided.slope > 0 and 0.98 < one_sided(0.99) < 1.0
    mapped = [recalibrate(*stream(300, 5, 2.0))(p) for p in shown]
    assert mapped == sorted(mapped)
    assert recalibrate([], []) == Recalibration()


def test_the_trained_losses_fall_to_honesty() -> None:
    torch = pytest.importorskip("torch")
    from bb_train.losses.calibration import brier as brier_loss
    from bb_train.losses.calibration import calibration_loss, mmce

    torch.set_num_threads(1)
    shown, hits = stream(800, 2, power=3.0)
    p, y = torch.tensor(shown), torch.tensor(hits)
    assert float(brier_loss(p, y)) == pytest.approx(brier(shown, hits), abs=1e-5)
    honest, boasting = float(mmce(p**3, y)), float(mmce(p, y))
    assert honest < boasting / 3
    assert float(mmce(y.float(), y)) < 1e-5
    power = torch.tensor(0.0, requires_grad=True)
    fit = torch.optim.Adam([power], 0.05)
    for _ in range(150):
        fit.zero_grad()
        calibration_loss(p ** power.exp(), y).backward()
        fit.step()
    assert float(power.detach().exp()) == pytest.approx(3.0, abs=0.5)


def test_all_that_means_the_right_answer_is_one_answer() -> None:
    torch = pytest.importorskip("torch")
    from bb_nn.builder.loss import _certainty

    said_twice, beaten = [0.4, 0.4, 0.2], [0.3, 0.6, 0.1]
    right = torch.tensor([True, True, False, True, False, False])
    logp = torch.tensor(said_twice + beaten).log()
    group = torch.tensor([0, 0, 0, 1, 1, 1])
    nats = -torch.tensor([0.8, 0.3]).log()
    confidence, hit = _certainty(logp.masked_fill(right, float("-inf")), group, nats)
    assert confidence.tolist() == pytest.approx([0.8, 0.6])
    assert hit.tolist() == [1.0, 0.0]


def test_mmce_is_its_double_sum() -> None:
    torch = pytest.importorskip("torch")
    from math import exp, sqrt

    from bb_train.losses.calibration import mmce

    p, y = [0.9, 0.4, 0.7], [1, 1, 0]
    total = sum(
        (y[i] - p[i]) * (y[j] - p[j]) * exp(-abs(p[i] - p[j]) / 0.4)
        for i in range(3)
        for j in range(3)
    )
    assert float(mmce(torch.tensor(p), torch.tensor(y))) == pytest.approx(sqrt(total / 9), rel=1e-5)
