"""How hard each example pulls, when losses differ by orders of magnitude: weights, never losses.

These weights shape the gradient only. Whether a constraint is met is decided on the raw loss: a
rank-normalised loss is about one half forever and meets no limit. Nothing here returns a loss.
"""

import torch
from torch import Tensor


def rank_weights(losses: Tensor) -> Tensor:
    """w_i = s (rank_i/n) / l_i with s so that mean w_i l_i = mean l_i; [n], no gradient.

    Example i then pulls like its rank among the batch, whatever the tail. Ties share their rank.
    """
    raw = losses.detach().double()
    below = (raw.unsqueeze(0) < raw.unsqueeze(1)).sum(1)
    equal = (raw.unsqueeze(0) == raw.unsqueeze(1)).sum(1)
    share = (below + equal / 2) / max(len(raw), 1)
    weights = share / raw.abs().clamp(min=1e-8)
    kept = (weights * raw).mean()
    return (weights * (raw.mean() / kept.clamp(min=1e-12))).to(losses.dtype)


def winsor_weights(losses: Tensor, low: float = 0.05, high: float = 0.95) -> Tensor:
    """w_i = clip(l_i, q_low, q_high) / l_i: an outlier pulls like the quantile; no gradient."""
    raw = losses.detach().double()
    bounds = torch.quantile(raw, torch.tensor([low, high], dtype=raw.dtype, device=raw.device))
    clipped = raw.clamp(min=float(bounds[0]), max=float(bounds[1]))
    return torch.where(raw.abs() > 1e-8, clipped / raw, torch.ones_like(raw)).to(losses.dtype)
