"""Intervals and paired tests: golden values, brute force, and scipy as second opinion."""

import random
from math import log, sqrt

import pytest

from bb_train.statistics import (
    binomial_p,
    clopper_pearson,
    discordant,
    holm,
    mcnemar,
    noninferior,
    paired_bootstrap,
    tost,
    upper_tail,
    wilson,
)


def test_no_failure_in_n_bounds_the_rate() -> None:
    golden = {100: 0.0295, 300: 0.0099, 600: 0.00498, 1000: 0.00299}
    for n, bound in golden.items():
        assert clopper_pearson(0, n, level=0.90).high == pytest.approx(bound, rel=0.01)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 40), (40, 40), (57, 300), (1, 1000)])
def test_intervals_match_scipy(hits: int, n: int) -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    there = scipy_stats.binomtest(hits, n)
    for mine, method in ((wilson(hits, n), "wilson"), (clopper_pearson(hits, n), "exact")):
        theirs = there.proportion_ci(method=method)
        assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "n", "p"), [(3, 17, 0.3), (9, 9, 0.5), (0, 12, 0.1), (600, 1100, 0.5)]
)
def test_binomial_matches_scipy(hits: int, n: int, p: float) -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    for mine, theirs in (("two", "two-sided"), ("greater", "greater"), ("less", "less")):
        expected = scipy_stats.binomtest(hits, n, p, alternative=theirs).pvalue
        assert binomial_p(hits, n, p, mine) == pytest.approx(expected, rel=1e-6)


def test_tails_complement() -> None:
    for hits in range(8):
        below = sum(binomial_mass(k, 7, 0.3) for k in range(hits))
        assert upper_tail(hits, 7, 0.3) == pytest.approx(1 - below)


def binomial_mass(k: int, n: int, p: float) -> float:
    return upper_tail(k, n, p) - upper_tail(k + 1, n, p)


def test_mcnemar_counts_only_what_differs() -> None:
    first, second = [True] * 8 + [False] * 92, [False] * 8 + [True] + [False] * 91
    wins, losses = discordant(first, second)
    assert (wins, losses) == (8, 1)
    assert mcnemar(wins, losses) == pytest.approx(2 * 10 / 2**9)
    assert mcnemar(wins, losses, "greater") == pytest.approx(10 / 2**9)
    assert mcnemar(0, 0) == 1.0


def test_holm_golden_and_monotone() -> None:
    raw = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert holm(raw) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert list(holm(raw)) == list(raw)
    assert all(holm(raw)[name] >= p for name, p in raw.items())


def test_bootstrap_covers_and_is_repeatable() -> None:
    draw = random.Random(0)
    covered = 0
    for trial in range(60):
        gaps = [draw.gauss(0.3, 1.0) for _ in range(60)]
        found = paired_bootstrap(gaps, [0.0] * 60, draws=400, seed=trial)
        covered += found.low <= 0.3 <= found.high
    assert 50 <= covered <= 60
    once = paired_bootstrap([1, 2, 5], [0, 0, 0], draws=100, seed=3)
    assert once == paired_bootstrap([1, 2, 5], [0, 0, 0], draws=100, seed=3)


def test_noninferiority_by_the_constrained_likelihood() -> None:
    """Tango's statistic against a grid search of the constrained likelihood."""
    for b, c, n, margin in ((9, 2, 44, 0.1), (3, 6, 100, 0.05), (1, 0, 50, 0.02)):
        grid = [margin + k / 200_000 for k in range(1, 100_000)]
        best = max(grid, key=lambda q: nats(b, c, n, q, margin))
        z = (b - c + n * margin) / sqrt(n * (2 * best - margin * (1 + margin)))
        p = 0.5 * (1 - erf(z / sqrt(2)))
        assert noninferior(b, c, n, margin) == pytest.approx(p, abs=1e-4)


def nats(b: int, c: int, n: int, q: float, margin: float) -> float:
    """log-likelihood of b, c discordant among n with p_c = q, p_b = q - margin."""
    rest = 1 - 2 * q + margin
    if q <= margin or rest <= 0:
        return float("-inf")
    return b * log(q - margin) + c * log(q) + (n - b - c) * log(rest)


def erf(x: float) -> float:
    from math import erf as known

    return known(x)


def test_equivalence_needs_items_and_notices_a_difference() -> None:
    assert tost(0, 0, 1000, 0.01) < 0.05 < tost(0, 0, 100, 0.01)
    assert tost(30, 0, 1000, 0.01) > 0.9
    assert tost(3, 5, 1000, 0.02) == tost(5, 3, 1000, 0.02)
    assert noninferior(0, 30, 1000, 0.01) > 0.9
