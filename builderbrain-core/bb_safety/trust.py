"""The trust region: how far a candidate's policy is from a reference, in exact KL.

    KL_t = sum over positions j of sum_v p'(v | j) log(p'(v | j) / p(v | j))      nats per episode

over everything that could have been chosen at j (all tokens under the mask, all options of a
question), on both models' trajectories. Whoever has the logits computes it (bb_runtime, bb_train);
here are only the numbers. By Pinsker's inequality a harm in [0, 1] differs between both policies by
no more than sqrt(E KL / 2).

    inside     E min(KL, b) < kappa, refuted otherwise by an e-process, and p99 <= kappa_max
    outside    E min(KL, b) > kappa, refuted otherwise, or p99 > kappa_max

Not covered: KL is blind to where a difference lies; two policies may be close in mean and apart on
the one request that matters. The harms are tested on their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, isfinite, sqrt

from bb_safety.betting import Bet, below, last
from bb_safety.errors import EvidenceError


@dataclass(frozen=True, slots=True)
class Divergence:
    """The KL of a candidate to one reference: for each episode the nats at each position."""

    reference: str
    episodes: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        worst = min((x for episode in self.episodes for x in episode), default=0.0)
        if not all(isfinite(x) or x == inf for e in self.episodes for x in e) or worst < -1e-6:
            fix = "give KL in nats, 0 or more, for every position"
            raise EvidenceError(f"a KL of {worst}", where=self.reference, fix=fix)

    @property
    def totals(self) -> tuple[float, ...]:
        """KL_t of each episode."""
        return tuple(max(0.0, sum(episode)) for episode in self.episodes)

    @property
    def p99(self) -> float:
        """The 99th percentile over all positions (nearest rank); 0 for none."""
        found = sorted(x for episode in self.episodes for x in episode)
        return found[ceil(0.99 * len(found)) - 1] if found else 0.0

    @property
    def mean(self) -> float:
        """The mean of KL_t; 0 for no episode."""
        return sum(self.totals) / len(self.totals) if self.totals else 0.0


def inside(found: Divergence, kappa: float, clip: float) -> Bet:
    """The e-process against H0: E min(KL, b)/b >= kappa/b."""
    return last(below(kappa / clip), (1.0 - x for x in clipped(found, clip)))


def outside(found: Divergence, kappa: float, clip: float) -> Bet:
    """The e-process against H0: E min(KL, b)/b <= kappa/b."""
    return last(Bet(kappa / clip), clipped(found, clip))


def clipped(found: Divergence, clip: float) -> Sequence[float]:
    """min(KL_t, b)/b of each episode."""
    return [min(total, clip) / clip for total in found.totals]


def pinsker(kl: float) -> float:
    """sqrt(KL/2), at most 1: how far any harm in [0, 1] can have moved."""
    return min(1.0, sqrt(max(0.0, kl) / 2))
