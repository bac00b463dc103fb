"""A confidence made honest by two numbers learnt from outcomes (Platt 1999).

Not covered: a score that ranks outcomes wrongly; no monotone map repairs that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

EDGE = 1e-6
"""Confidences are kept this far from 0 and 1, where the log-odds end."""


@dataclass(frozen=True, slots=True)
class Recalibration:
    """p' = sigmoid(slope log(p/(1-p)) + shift); the default leaves p as it is."""

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, confidence: float) -> float:
        """The recalibrated confidence."""
        return _sigmoid(self.slope * _odds(confidence) + self.shift)


def recalibrate(
    confidences: Sequence[float], hits: Sequence[bool], trust: float = 1.0, steps: int = 50
) -> Recalibration:
    """argmin -sum_t log p'_t(y_t) + trust/2 ((slope - 1)^2 + shift^2), by damped Newton steps.

    `trust` in the present map keeps few or one-sided outcomes from throwing it to 0 or 1.
    """
    odds = [_odds(p) for p in confidences]
    at, value = (1.0, 0.0), _nats(odds, hits, (1.0, 0.0), trust)
    for _ in range(steps):
        move = _newton(odds, hits, at, trust)
        size, better = 1.0, None
        while size > 1e-4 and better is None:
            trial = (at[0] - size * move[0], at[1] - size * move[1])
            nats = _nats(odds, hits, trial, trust)
            better = (trial, nats) if nats < value else None
            size /= 2
        if better is None:
            break
        at, value = better
    return Recalibration(*at)


def _newton(
    odds: list[float], hits: Sequence[bool], at: tuple[float, float], trust: float
) -> tuple[float, float]:
    """The Newton step of the two-parameter logistic fit."""
    ga, gb, aa, ab, bb = trust * (at[0] - 1), trust * at[1], trust, 0.0, trust
    for x, y in zip(odds, hits, strict=True):
        p = _sigmoid(at[0] * x + at[1])
        gap, curve = p - y, p * (1 - p)
        ga, gb = ga + gap * x, gb + gap
        aa, ab, bb = aa + curve * x * x, ab + curve * x, bb + curve
    area = aa * bb - ab * ab
    return ((bb * ga - ab * gb) / area, (aa * gb - ab * ga) / area)


def _nats(odds: list[float], hits: Sequence[bool], at: tuple[float, float], trust: float) -> float:
    scores = (at[0] * x + at[1] for x in odds)
    nats = sum(_softplus(-s if y else s) for s, y in zip(scores, hits, strict=True))
    return nats + trust / 2 * ((at[0] - 1) ** 2 + at[1] ** 2)


def _odds(p: float) -> float:
    p = min(1 - EDGE, max(EDGE, p))
    return log(p / (1 - p))


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + log(1 + exp(-abs(x)))
