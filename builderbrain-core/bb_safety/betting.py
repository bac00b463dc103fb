"""Tests that may be looked at after every pair: betting e-processes.

    K_0 = 1,   K_t = K_{t-1} (1 + lambda_t (y_t - m)),   y_t in [0, 1]

    lambda_t = clip((mu - m) / (s2 + (mu - m)^2), 0, 1/(2m))
    mu = (1/2 + sum y_i) / t,   s2 = (1/4 + sum (y_i - mu_i)^2) / t       over i < t, mu_i up to i

lambda_t is fixed before y_t is seen, and no factor is below 1/2. So where E[y_t | past] <= m, K is
a nonnegative supermartingale that starts at 1, and by Ville's inequality

    P(K_t >= 1/alpha for any t) <= alpha:

one may look after every pair and stop when one likes. The mean of e-processes is one again.

Not covered: pairs that come from another world than the one promoted into; values outside [0, 1]
are refused, because one of them would void the bound.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp, inf, log

from bb_safety.errors import EvidenceError


@dataclass(frozen=True, slots=True)
class Bet:
    """Where one e-process for H0: E y <= m stands after `count` values. A value: `after` goes on.

    `log_e` is log K_t; `peak` the highest it has been.
    """

    m: float
    log_e: float = 0.0
    peak: float = 0.0
    count: int = 0
    total: float = 0.0
    spread: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.m <= 1.0:
            raise EvidenceError(f"m is {self.m}", where="e-process", fix="keep it in (0, 1]")

    @property
    def stake(self) -> float:
        """lambda of the next value, from the past alone."""
        n = self.count + 1
        edge = (0.5 + self.total) / n - self.m
        variance = (0.25 + self.spread) / n
        return min(max(edge / (variance + edge * edge), 0.0), 0.5 / self.m)

    def after(self, y: float) -> "Bet":
        """The e-process one value on; raises EvidenceError for a value outside [0, 1]."""
        if not 0.0 <= y <= 1.0:
            raise EvidenceError(f"{y} is outside [0, 1]", where="e-process")
        log_e = self.log_e + log(1.0 + self.stake * (y - self.m))
        count, total = self.count + 1, self.total + y
        mean = (0.5 + total) / (count + 1)
        return replace(
            self,
            log_e=log_e,
            peak=max(self.peak, log_e),
            count=count,
            total=total,
            spread=self.spread + (y - mean) ** 2,
        )

    def rejects(self, alpha: float) -> bool:
        """Whether H0 has been refuted at level alpha at some time: sup K >= 1/alpha."""
        return self.peak >= log(1.0 / alpha)


def below(limit: float) -> Bet:
    """The e-process against H0: E x >= limit, x in [0, 1]; it takes y = 1 - x."""
    return Bet(1.0 - limit)


def not_worse(epsilon: float) -> Bet:
    """Against H0: E d >= epsilon, d in [-1, 1]; it takes y = (1 - d)/2, and m = (1 - epsilon)/2."""
    return Bet((1.0 - epsilon) / 2)


def worse() -> Bet:
    """The e-process against H0: E d <= 0, d in [-1, 1]; it takes y = (1 + d)/2, and m = 1/2."""
    return Bet(0.5)


def path(bet: Bet, values: Iterable[float]) -> Iterator[Bet]:
    """The e-process after each value."""
    for y in values:
        bet = bet.after(y)
        yield bet


def last(bet: Bet, values: Iterable[float]) -> Bet:
    """The e-process after all values."""
    for y in values:
        bet = bet.after(y)
    return bet


def reached(bet: Bet, values: Iterable[float], alpha: float) -> int | None:
    """After how many values H0 was first refuted at level alpha; None if it never was."""
    for place, state in enumerate(path(bet, values), 1):
        if state.log_e >= log(1.0 / alpha):
            return place
    return None


def mean_log(parts: Sequence[tuple[float, float]]) -> float:
    """log sum_k w_k e^{x_k} of (w_k, x_k), sum w_k = 1: the log of a mean of e-processes."""
    top = max((x for w, x in parts if w > 0), default=-inf)
    return top if top == -inf else top + log(sum(w * exp(x - top) for w, x in parts))


def upper(differences: Sequence[float], alpha: float, grid: float = 0.005) -> float:
    """min{u on the grid: every u' >= u is refuted as a lower bound of E d}; 1 where none is.

    P(E d > U) <= alpha at any stopping time, up to one step of the grid: what must be refuted for
    the bound to be wrong is the one grid point next above E d.
    """
    steps = round(1.0 / grid)
    bound = 1.0
    for place in range(steps - 1, -steps, -1):
        epsilon = place * grid
        values = ((1.0 - d) / 2 for d in differences)
        if reached(not_worse(epsilon), values, alpha) is None:
            break
        bound = epsilon
    return bound
