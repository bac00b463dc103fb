"""Is a difference real: exact intervals and paired tests, in plain Python.

Proportions are given as counts; paired outcomes as two sequences over the same items.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb, exp, lgamma, log, sqrt
from statistics import NormalDist
from typing import Literal

Side = Literal["greater", "less", "two"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and where it lies at the level asked for."""

    value: float
    low: float
    high: float


def wilson(hits: int, n: int, level: float = 0.95) -> Interval:
    """(p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) (Wilson 1927); [0, 1] for n = 0."""
    if n == 0:
        return Interval(0.0, 0.0, 1.0)
    z, p = NormalDist().inv_cdf((1 + level) / 2), hits / n
    middle, spread = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    scale = 1 + z * z / n
    low, high = (middle - spread) / scale, (middle + spread) / scale
    return Interval(p, low if hits else 0.0, high if hits < n else 1.0)


def clopper_pearson(hits: int, n: int, level: float = 0.95) -> Interval:
    """{p : both binomial tails at p hold more than (1-level)/2}: exact, never too narrow."""
    if n == 0:
        return Interval(0.0, 0.0, 1.0)
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else _root(lambda p: upper_tail(hits, n, p) - tail)
    high = 1.0 if hits == n else _root(lambda p: tail - upper_tail(n - hits, n, 1 - p))
    return Interval(hits / n, low, high)


def binomial_p(hits: int, n: int, p: float = 0.5, side: Side = "two") -> float:
    """P(X as far out as `hits`), X ~ Binomial(n, p); two-sided: all outcomes no likelier."""
    if side == "greater":
        return upper_tail(hits, n, p)
    if side == "less":
        return upper_tail(n - hits, n, 1 - p)
    at = _log_mass(hits, n, p)
    masses = (_log_mass(k, n, p) for k in range(n + 1))
    return min(1.0, sum(exp(m) for m in masses if m <= at + 1e-7))


def upper_tail(hits: int, n: int, p: float) -> float:
    """P(X >= hits) for X ~ Binomial(n, p)."""
    return min(1.0, sum(exp(_log_mass(k, n, p)) for k in range(max(hits, 0), n + 1)))


def mcnemar(wins: int, losses: int, side: Side = "two") -> float:
    """The exact test of paired outcomes: wins ~ Binomial(wins + losses, 1/2).

    wins: items only the first got right, losses: items only the second did. side "greater" asks
    whether the first is better. 1 when nothing differs.
    """
    return binomial_p(wins, wins + losses, 0.5, side) if wins + losses else 1.0


def discordant(first: Sequence[bool], second: Sequence[bool]) -> tuple[int, int]:
    """(items only the first got right, items only the second did)."""
    pairs = list(zip(first, second, strict=True))
    return sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p: max over j <= i of min(1, (m - j) p_(j)), j from 0 (Holm 1979)."""
    adjusted, worst, count = dict[str, float](), 0.0, len(p_values)
    for place, (name, p) in enumerate(sorted(p_values.items(), key=lambda row: row[1])):
        worst = max(worst, min(1.0, (count - place) * p))
        adjusted[name] = worst
    return {name: adjusted[name] for name in p_values}


def paired_bootstrap(
    first: Sequence[float],
    second: Sequence[float],
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> Interval:
    """The mean of first - second, with the percentile interval over resampled items."""
    gaps = [a - b for a, b in zip(first, second, strict=True)]
    n, source = len(gaps), random.Random(seed)
    means = sorted(sum(source.choices(gaps, k=n)) / n for _ in range(draws))
    cut = int((1 - level) / 2 * draws)
    return Interval(sum(gaps) / n, means[cut], means[-1 - cut])


def noninferior(wins: int, losses: int, n: int, margin: float) -> float:
    """One-sided p that the first is at least `margin` worse, by Tango's score test (1998).

    wins, losses: discordant pairs among n (wins: only the first right). A small p says: not worse
    than the second by `margin` (a share in (0, 1)). Sound with no discordant pair at all.
    """
    return 1.0 - NormalDist().cdf(_tango(wins, losses, n, -margin))


def tost(wins: int, losses: int, n: int, margin: float) -> float:
    """The larger of both one-sided p: a small one says |difference| < margin (equivalence)."""
    return max(noninferior(wins, losses, n, margin), noninferior(losses, wins, n, margin))


def _tango(b: int, c: int, n: int, delta: float) -> float:
    """(b - c - n delta) / sqrt(n (2 q + delta (1 - delta))), q the constrained estimate of c/n."""
    mid = -b - c + (2 * n - b + c) * delta
    q = (sqrt(mid * mid + 8 * n * c * delta * (1 - delta)) - mid) / (4 * n)
    spread = n * (2 * q + delta * (1 - delta))
    return (b - c - n * delta) / sqrt(spread)


def _log_mass(k: int, n: int, p: float) -> float:
    if p in (0.0, 1.0):
        return 0.0 if k == n * p else float("-inf")
    ways = log(comb(n, k)) if n < 500 else lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return ways + k * log(p) + (n - k) * log(1 - p)


def _root(rising: Callable[[float], float]) -> float:
    """Where a rising function of p in [0, 1] crosses 0, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
