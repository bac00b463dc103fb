"""Whether a step's state is what its parents make of it: the plan graph must carry content."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize


class Composer(nn.Module):
    """c_i = phi(e_{z_i}, sum_{j in pa(i)} a_ij m_j): what the parents predict of a node."""

    def __init__(self, width: int, hidden: int | None = None) -> None:
        super().__init__()
        self.phi = nn.Sequential(
            nn.Linear(2 * width, hidden or width), nn.GELU(), nn.Linear(hidden or width, width)
        )

    def forward(self, skills: Tensor, registers: Tensor, weights: Tensor) -> Tensor:
        """skills, registers [B, N, d]; weights [B, N, N], row i over its parents j; -> [B, N, d].

        Weights on or above the diagonal are not parents and count as 0.
        """
        parents = weights.tril(-1) @ registers.detach()
        predicted: Tensor = self.phi(torch.cat([skills, parents], -1))
        return predicted


def build_loss(
    composed: Tensor, registers: Tensor, keep: Tensor, temperature: float = 0.1
) -> Tensor:
    """InfoNCE: -(1/n) sum_i log e^{cos(c_i, sg m_i)/tau} / sum_k e^{cos(c_i, sg m_k)/tau}, nats.

    composed, registers [B, N, d], keep [B, N]. The others are all kept nodes of the batch. The
    registers give no gradient. A constant c gets at least log n, so that it cannot collapse as a
    squared error would (van den Oord et al. 2018). 0 when nothing is kept.
    """
    c, m = (
        normalize(composed[keep].float(), dim=-1),
        normalize(registers[keep].detach().float(), dim=-1),
    )
    if not len(c):
        return composed.sum() * 0.0
    return cross_entropy(c @ m.T / temperature, torch.arange(len(c), device=c.device))
