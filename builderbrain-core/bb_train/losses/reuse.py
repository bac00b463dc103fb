"""A library's price as a code length in nats: to use a skill, and to keep it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

GAMMA, ZETA, BETA = -0.1, 1.1, 2.0 / 3.0


@dataclass(frozen=True, slots=True)
class Usage:
    """How often each skill was used, decayed: [K] non-negative counts, no gradient."""

    counts: Tensor
    decay: float = 0.99
    prior: float = 1.0

    @property
    def log_p(self) -> Tensor:
        """log p_k = log (n_k + a) - log (sum n + K a): Dirichlet-smoothed, never -inf."""
        smoothed = self.counts + self.prior
        return smoothed.log() - smoothed.sum().log()


def seen(usage: Usage, z: Tensor) -> Usage:
    """n <- decay n + sum_t z_t; z [T, K] are one-hot choices or probabilities."""
    return Usage(usage.decay * usage.counts + z.detach().sum(0), usage.decay, usage.prior)


def reuse_loss(
    z: Tensor, usage: Usage, gates: Tensor, sizes: Sequence[int], examples: int, bits: float = 16.0
) -> Tensor:
    """-(1/T) sum_t sum_k z_tk log p_k + (1/N) sum_k P(g_k > 0) |theta_k| b ln 2, nats.

    z [T, K]: choices with a gradient (straight-through or probabilities). gates [K]: log-alpha of
    the skills' existence. sizes: parameters of each skill. examples: N, the number the library is
    written once for. bits: b, the bits a parameter takes.
    """
    used = -(z * usage.log_p).sum(-1).mean() if len(z) else z.sum()
    kept = open_probability(gates) * torch.tensor(sizes, dtype=gates.dtype, device=gates.device)
    return used + kept.sum() * (bits * log(2.0) / examples)


def open_probability(gates: Tensor) -> Tensor:
    """P(g > 0) = sigmoid(log_alpha - beta log(-gamma/zeta)) (Louizos et al. 2018)."""
    return torch.sigmoid(gates - BETA * log(-GAMMA / ZETA))


def hard_concrete(gates: Tensor, noise: Tensor | None = None) -> Tensor:
    """g = clip(sigmoid((log u/(1-u) + log_alpha)/beta)(zeta - gamma) + gamma, 0, 1).

    noise: u in (0, 1), as gates; None: the deterministic gate of inference.
    """
    score = gates if noise is None else (noise.logit() + gates) / BETA
    return (score.sigmoid() * (ZETA - GAMMA) + GAMMA).clamp(0.0, 1.0)
