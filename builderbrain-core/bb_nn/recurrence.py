"""The recurrence of a tap: a minimal gated unit, in parallel over a text or one step at a time."""

import math

import torch
from torch import Tensor


def scan(keep: Tensor, new: Tensor, first: Tensor) -> Tensor:
    """s_t = keep_t s_{t-1} + new_t with s_0 = first: [B, T, r] from [B, T, r] x 2 and [B, r].

    By doubling (Hillis & Steele 1986): log2(T) passes, no ratio of products, so nothing underflows
    into a division.
    """
    total = torch.cat([new[:, :1] + keep[:, :1] * first.unsqueeze(1), new[:, 1:]], dim=1)
    step = 1
    while step < total.shape[1]:
        total = torch.cat(
            [total[:, :step], total[:, step:] + keep[:, step:] * total[:, :-step]], dim=1
        )
        keep = torch.cat([keep[:, :step], keep[:, step:] * keep[:, :-step]], dim=1)
        step *= 2
    return total


def min_gru(z: Tensor, content: Tensor, first: Tensor) -> Tensor:
    """s_t = (1 - z_t) s_{t-1} + z_t g_t (minGRU, Feng et al. 2024); shapes as in `scan`."""
    if z.shape[1] == 1:
        return torch.lerp(first.unsqueeze(1), content, z)
    return scan(1 - z, z * content, first)


def spread(width: int, longest: float = 64.0) -> Tensor:
    """Biases b with sigmoid(b) = 1 / tau, tau from 2 to `longest` tokens, evenly in log tau."""
    tau = torch.exp(torch.linspace(math.log(2.0), math.log(longest), width))
    return -torch.log(tau - 1)
