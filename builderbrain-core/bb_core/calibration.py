"""Whether confidences mean what they say, measured on the stream as it came.

Every confidence counts as it stood before the update that saw its outcome, and bins are quantiles
of the past only, so nothing is judged by what was learnt from it.
"""

import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well a stream of confidences was calibrated, all in [0, 1].

    `ece` is biased up by about sqrt(bins/n); `noise` is its mean were the stream calibrated, and
    `noise_95` the 95th percentile of that. `debiased` is max(0, ece - noise): 0 in the mean for a
    calibrated stream, and a little low for one that is far off.
    """

    ece: float
    noise: float
    noise_95: float
    brier: float
    count: int

    @property
    def debiased(self) -> float:
        """max(0, ece - noise)."""
        return max(0.0, self.ece - self.noise)


def calibration(
    confidences: Sequence[float],
    hits: Sequence[bool],
    *,
    bins: int = 10,
    draws: int = 200,
    seed: int = 0,
) -> Calibration:
    """Measure a stream in its order; the noise from `draws` streams with hit_t ~ Bernoulli(p_t)."""
    if len(confidences) != len(hits) or not confidences:
        raise ValueError(f"{len(confidences)} confidences for {len(hits)} hits")
    places = past_bins(confidences, bins)
    source = random.Random(seed)
    noise = sorted(
        _ece(confidences, [source.random() < p for p in confidences], places, bins)
        for _ in range(draws)
    )
    return Calibration(
        ece=_ece(confidences, hits, places, bins),
        noise=sum(noise) / max(draws, 1),
        noise_95=noise[int(0.95 * (draws - 1))] if noise else 0.0,
        brier=brier(confidences, hits),
        count=len(hits),
    )


def prequential_ece(confidences: Sequence[float], hits: Sequence[bool], bins: int = 10) -> float:
    """sum_b |sum_{t in b} (p_t - y_t)| / T; b(t) is p_t's quantile bin among p_1..p_{t-1}."""
    return _ece(confidences, hits, past_bins(confidences, bins), bins)


def brier(confidences: Sequence[float], hits: Sequence[bool]) -> float:
    """(1/T) sum_t (p_t - y_t)^2."""
    return sum((p - y) ** 2 for p, y in zip(confidences, hits, strict=True)) / len(hits)


def past_bins(confidences: Sequence[float], bins: int) -> list[int]:
    """The bin of each confidence among the earlier ones; equal widths until `bins` were seen."""
    past, places = list[float](), list[int]()
    for p in confidences:
        share = p
        if len(past) >= bins:
            share = (bisect_left(past, p) + bisect_right(past, p)) / (2 * len(past))
        places.append(min(bins - 1, int(share * bins)))
        insort(past, p)
    return places


def _ece(
    confidences: Sequence[float], hits: Sequence[bool], places: Sequence[int], bins: int
) -> float:
    gaps = [0.0] * bins
    for p, y, b in zip(confidences, hits, places, strict=True):
        gaps[b] += p - y
    return sum(map(abs, gaps)) / len(hits)
