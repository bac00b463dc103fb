"""The base's states on a common scale: a few of their directions would drown all others.

In a pretrained transformer a handful of dimensions are tens of times larger than the rest, the
same in every text (Sun et al. 2024, massive activations). Two tools' descriptions then look alike:
for the embedded base their mean cosine is 0.95, and 0.4 once each dimension is standardised.
"""

import torch
from torch import Tensor, nn

FAR = 8.0
"""Deviations further out than this many spreads count as that many."""


class Standard(nn.Module):
    """z = clamp((x - center) / spread, -FAR, FAR); its moments [2, n] are kept, not learnt."""

    moments: Tensor

    def __init__(self, moments: Tensor) -> None:
        super().__init__()
        self.register_buffer("moments", moments.clone())

    def forward(self, x: Tensor) -> Tensor:
        """[..., n]."""
        center, spread = self.moments
        z: Tensor = ((x - center) / spread).clamp(-FAR, FAR)
        return z


def moments(rows: Tensor) -> Tensor:
    """[2, n]: mean and spread of rows [m, n]; a spread of 1 where nothing differs."""
    spread = rows.std(dim=0, correction=0)
    return torch.stack([rows.mean(dim=0), spread.masked_fill(spread < 1e-3, 1.0)])
