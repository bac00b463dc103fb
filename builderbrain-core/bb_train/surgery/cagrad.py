"""Conflict-averse gradient descent (Liu et al. 2021, CAGrad), by exponentiated gradient."""

import torch
from torch import Tensor

TINY = 1e-12
NOTHING = 1e-4
"""A gradient this much shorter than the longest is next to nothing."""


def cagrad_weights(gramian: Tensor, c: float = 0.5, steps: int = 200) -> Tensor:
    """d = g_0 + c |g_0| g_w / |g_w| with w = argmin_{simplex} <g_0, g_w> + c |g_0| |g_w|.

    gramian [K, K] = G G^T; g_0 = mean of the gradients, g_w = w^T G. d has the greatest
    min_i <g_i, d> among all directions within c |g_0| of g_0. Returns v [K] with d = v^T G, on the
    scale of the mean; c in [0, 1), 0 gives the mean. All zeros where some g_w is about 0: the point
    is Pareto-stationary. A gradient that is next to nothing of itself, as of a constraint that is
    met, is no such g_w: it has its place in the mean, and the others are settled without it. The
    argmin is found in the Gramian alone: w <- w exp(-eta dF/dw), normalised, eta grown on success
    and halved on failure, so its cost does not depend on n.
    """
    gram = gramian.detach().to("cpu", torch.float64)
    lengths = gram.diagonal().clamp(min=0).sqrt()
    there = lengths > NOTHING * lengths.max()
    found = torch.full_like(lengths, 1.0 / len(gram))
    if there.any():
        found[there] = _settled(gram[there][:, there], c, steps) * there.sum() / len(gram)
    return found.to(gramian)


def _settled(gram: Tensor, c: float, steps: int) -> Tensor:
    """The weights where every gradient is something."""
    count = len(gram)
    mean = gram.new_full((count,), 1.0 / count)
    gram = gram / (gram.diagonal().mean() + TINY)
    b, radius = gram @ mean, c * float((mean @ gram @ mean).clamp(min=0).sqrt())
    w = _descend(gram, b, radius, steps)
    length = float((w @ gram @ w).clamp(min=0).sqrt())
    if length < 1e-4:
        return torch.zeros_like(mean)
    return mean + radius / length * w


def _descend(gram: Tensor, b: Tensor, radius: float, steps: int) -> Tensor:
    """Minimise F(w) = b.w + radius sqrt(w^T gram w) over the simplex."""
    w, eta = torch.full_like(b, 1.0 / len(b)), 1.0
    value = _objective(gram, b, radius, w)
    for _ in range(steps):
        along = gram @ w
        slope = b + radius * along / (w @ along).clamp(min=TINY).sqrt()
        trial = (w.clamp(min=1e-300).log() - eta * slope).softmax(0)
        new = _objective(gram, b, radius, trial)
        if new <= value:
            w, value, eta = trial, new, eta * 1.5
        else:
            eta /= 2.0
    return w


def _objective(gram: Tensor, b: Tensor, radius: float, w: Tensor) -> float:
    return float(b @ w + radius * (w @ gram @ w).clamp(min=0).sqrt())
