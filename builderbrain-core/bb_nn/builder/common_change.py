"""A low-rank change that all states of one kind go through, whichever skill is under way."""

import math

import torch
from torch import Tensor, nn


class CommonChange(nn.Module):
    """Delta y = B A x, B = 0 at birth: a builder that gets one builds what it built before.

    A skill's own change acts once the skill is chosen; this one can also move the choice.
    """

    def __init__(self, d_in: int, d_out: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, d_in))
        self.up = nn.Parameter(torch.zeros(d_out, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """[..., d_out] for x [..., d_in]."""
        return x @ self.down.T @ self.up.T
