"""One direction from K gradients."""

from typing import Literal

import torch
from torch import Tensor

from bb_train.surgery.cagrad import cagrad_weights
from bb_train.surgery.pcgrad import pcgrad_weights

Method = Literal["sum", "pcgrad", "cagrad"]


def combine(grads: Tensor, method: Method = "pcgrad", seed: int = 0, c: float = 0.5) -> Tensor:
    """sum_k w_k g_k, w from the Gramian: [K, n] gradients to one [n] on the scale of their sum.

    seed: PCGrad's order of projections. c: CAGrad's radius, as a share of the mean's length.
    """
    return weights(grads @ grads.T, method, seed, c) @ grads


def weights(gramian: Tensor, method: Method, seed: int = 0, c: float = 0.5) -> Tensor:
    """w [K] of a Gramian [K, K]; all ones for "sum"."""
    if method == "pcgrad":
        return pcgrad_weights(gramian, seed)
    if method == "cagrad":
        return cagrad_weights(gramian, c) * len(gramian)
    return torch.ones_like(gramian[0])


def cosines(gramian: Tensor) -> Tensor:
    """cos(g_i, g_j) [K, K] from a Gramian; 0 beside a gradient that is 0."""
    length = gramian.diagonal().clamp(min=0).sqrt()
    outer = length.unsqueeze(0) * length.unsqueeze(1)
    return torch.where(outer > 0, gramian / outer.clamp(min=1e-30), torch.zeros_like(gramian))
