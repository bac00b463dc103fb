"""Gradient surgery by projection (Yu et al. 2020, PCGrad), on the Gramian of the gradients."""

import torch
from torch import Tensor


def pcgrad_weights(gramian: Tensor, seed: int = 0) -> Tensor:
    """g_i <- g_i - min(0, <g_i, g_j>)/|g_j|^2 g_j for each i over all j; then sum_i g_i.

    gramian [K, K] = G G^T of gradients G [K, n]. Returns w [K] >= 0 with the direction w^T G, on
    the scale of the gradients' sum. Without a conflict w is all ones. The j come in a random order
    that `seed` alone decides.
    """
    gram = gramian.detach().to("cpu", torch.float64)
    count, orders = len(gram), torch.Generator().manual_seed(seed)
    total = gram.new_zeros(count)
    for i in range(count):
        weights = gram.new_zeros(count)
        weights[i] = 1.0
        for j in torch.randperm(count, generator=orders).tolist():
            along = gram[j] @ weights
            if j != i and along < 0:
                weights[j] -= along / gram[j, j]
        total += weights
    return total.to(gramian)
