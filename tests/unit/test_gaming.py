"""Audits before the gate: honest candidates pass, each way of gaming a proxy is seen."""

import random

import pytest

from bb_core.duals import Constraint, Warmup, ascend, duals, repaired, step
from bb_train.audits.gaming import Side, Training, alarms, covariances
from bb_train.audits.windup import Point

N = 120


def side(proxy: list[float], success: list[bool], idle: list[bool] | None = None) -> Side:
    return Side({"cfs": proxy, "reuse": [1.0] * N}, success, idle or [False] * N)


def outcomes(share: float, seed: int) -> list[bool]:
    source = random.Random(seed)
    return [source.random() < share for _ in range(N)]


def noise(seed: int, shift: float = 0.0) -> list[float]:
    source = random.Random(seed)
    return [source.gauss(1.0 + shift, 0.3) for _ in range(N)]


def test_an_honest_improvement_raises_no_alarm() -> None:
    before = side(noise(0), outcomes(0.6, 1))
    better = [old or new for old, new in zip(before.success, outcomes(0.5, 2), strict=True)]
    gained = [0.6 if b and not a else 0.0 for a, b in zip(before.success, better, strict=True)]
    proxy = [p - g for p, g in zip(before.proxies["cfs"], gained, strict=True)]
    assert alarms(before, side(proxy, better)) == ()


def test_a_proxy_that_falls_while_the_outcome_does_is_gamed() -> None:
    before = side(noise(0), [True] * N)
    after = side([p - 0.5 for p in before.proxies["cfs"]], [i % 4 > 0 for i in range(N)])
    assert any(found.startswith("cfs gamed") for found in alarms(before, after))


def test_a_proxy_that_gains_just_where_the_outcome_loses_is_seen_at_the_same_means() -> None:
    """The means tell nothing: as many are won as lost, and the proxy's mean stands still."""
    before = side(noise(0), [i % 2 == 0 for i in range(N)])
    swapped = [i % 2 == 1 if i < 60 else i % 2 == 0 for i in range(N)]
    moves = [0.4 if new < old else -0.4 if new > old else 0.0
             for old, new in zip(before.success, swapped, strict=True)]  # fmt: skip
    after = side([p - m for p, m in zip(before.proxies["cfs"], moves, strict=True)], swapped)
    (row,) = [r for r in covariances(before, after) if r.proxy == "cfs"]
    assert row.covariance < 0 and row.r is not None and row.r < -0.9
    assert any("against the outcome" in found for found in alarms(before, after))


def test_a_proxy_that_rises_where_the_outcome_is_won_is_no_game_while_nothing_is_lost() -> None:
    """A tool newly learnt is a rare one: its plans cost more, and are right."""
    before = side(noise(0), [i % 2 == 0 for i in range(N)])
    learnt = [old or i < 60 for i, old in enumerate(before.success)]
    proxy = [
        p + 0.5 * (new and not old)
        for p, old, new in zip(before.proxies["cfs"], before.success, learnt, strict=True)
    ]
    (row,) = [r for r in covariances(before, side(proxy, learnt)) if r.proxy == "cfs"]
    assert row.r is not None and row.r < -0.9
    assert alarms(before, side(proxy, learnt)) == ()
    learnt[118] = False
    assert any("against the outcome" in found for found in alarms(before, side(proxy, learnt)))


def test_a_proxy_that_does_not_move_has_no_covariance() -> None:
    before = side(noise(0), outcomes(0.5, 1))
    rows = {row.proxy: row for row in covariances(before, side(noise(3), outcomes(0.5, 2)))}
    assert rows["reuse"].r is None and rows["reuse"].p is None and rows["reuse"].covariance == 0.0


@pytest.mark.slow
def test_false_alarms_are_rare() -> None:
    """Two versions that differ by chance alone: at most a few of a hundred are alarmed about."""
    false = 0
    for seed in range(100):
        before = side(noise(seed), outcomes(0.8, seed + 1000))
        after = side(noise(seed + 2000), outcomes(0.8, seed + 3000))
        false += bool(alarms(before, after))
    assert false <= 4


@pytest.mark.parametrize(("rule", "alarmed"), [(ascend, True), (repaired, False)])
def test_a_multiplier_that_wound_up_is_seen(rule: object, alarmed: bool) -> None:
    state = duals(Constraint("cfs", limit=0.02, eta=0.5, lambda_max=10.0), warmup=Warmup(0, 1.0))
    path = []
    for number in range(400):
        loss = 10.0 if number < 60 else 0.001
        state = step(state, {"cfs": loss}, 1.0, rule)  # type: ignore[arg-type]
        (dual,) = state.duals
        path.append(Point(dual.ema or 0.0, 0.02, dual.multiplier, 1.0))
    found = alarms(side(noise(0), [True] * N), side(noise(0), [True] * N), Training({"cfs": path}))
    assert any("multiplier of cfs wound up" in text for text in found) is alarmed


def test_more_plans_that_do_nothing_are_seen() -> None:
    before = side(noise(0), [True] * N)
    after = side(noise(0), [True] * N, [i < 8 for i in range(N)])
    assert any(text.startswith("decorative plans: 8 more") for text in alarms(before, after))
