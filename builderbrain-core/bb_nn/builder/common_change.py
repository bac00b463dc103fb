"""One low-rank change that every question's state goes through, whichever skill is under way."""

import math

import torch
from torch import Tensor, nn


class CommonChange(nn.Module):
    """Delta x = B A x, B = 0 at birth: a builder that gets one builds what it built before.

    A skill's own change acts once the skill is chosen; this one can also move the choice.
    """

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, width))
        self.up = nn.Parameter(torch.zeros(width, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """[..., width]."""
        return x @ self.down.T @ self.up.T
