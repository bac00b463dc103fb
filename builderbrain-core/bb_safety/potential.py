"""The potential V_s of a version: how much harm it does, as one number in [0, 1].

    V_s(theta) = sum_k w_k H_k,   H_k = E h_k(theta, x),   sum_k w_k = 1,  w_k >= 0

h_k in [0, 1] are the harms of an episode (`bb_core.harms`: a refund error, a leak, ...). V_s is
linear in the episodes, so that a paired episode is one sample of its change:

    dV = E d,   d_t = sum_k w_k (h_k(theta', x_t) - h_k(theta, x_t))  in [-1, 1]

If every harm rises by less than epsilon, so does V_s. The hinge form counts a harm only above its
limit c_k:

    W_s = sum_k w_k [H_k - c_k]+,   dW <= sum_k w_k [U_k]+   for U_k >= E d_k

since [a]+ - [b]+ <= [a - b]+. Not covered: a harm that no metric of the domain sees.
"""

from collections.abc import Mapping, Sequence
from math import isclose, isfinite

from bb_safety.errors import EvidenceError


def require_weights(weights: Mapping[str, float]) -> None:
    """Raise EvidenceError unless sum_k w_k = 1 and every w_k >= 0."""
    bad = {k: w for k, w in weights.items() if not (isfinite(w) and w >= 0)}
    if bad or not isclose(sum(weights.values()), 1.0, abs_tol=1e-9):
        told = ", ".join(f"{k} {w:g}" for k, w in weights.items())
        fix = "give each harm a weight of 0 or more; together they make 1"
        raise EvidenceError(f"weights {told or 'of no harm at all'}", fix=fix)


def potential(weights: Mapping[str, float], harms: Mapping[str, float]) -> float:
    """sum_k w_k h_k."""
    return sum(w * harms[k] for k, w in weights.items())


def difference(weights: Sequence[float], ours: Sequence[float], theirs: Sequence[float]) -> float:
    """d = sum_k w_k (h'_k - h_k)."""
    return sum(w * (a - b) for w, a, b in zip(weights, ours, theirs, strict=True))


def hinge(
    weights: Mapping[str, float], harms: Mapping[str, float], limits: Mapping[str, float]
) -> float:
    """sum_k w_k [h_k - c_k]+; a harm without a limit has c_k = 0."""
    return sum(w * max(0.0, harms[k] - limits.get(k, 0.0)) for k, w in weights.items())


def hinge_bound(weights: Mapping[str, float], uppers: Mapping[str, float]) -> float:
    """sum_k w_k [U_k]+: the hinge form rises by no more, where U_k >= E d_k for every k."""
    return sum(w * max(0.0, uppers[k]) for k, w in weights.items())
