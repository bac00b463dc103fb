"""fp32 copies of the weights that are trained in bf16.

A bf16 model trains several times faster where the processor multiplies bf16, but a bf16 weight
swallows small steps. So the optimiser moves fp32 copies, and the model gets them rounded.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


class Masters:
    """`copies` are what the optimiser is given."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        self.weights = list(weights)
        self.copies = [w.detach().float().clone().requires_grad_(True) for w in self.weights]

    def gather(self) -> None:
        """Move the model's gradients to the copies."""
        for weight, copy in zip(self.weights, self.copies, strict=True):
            copy.grad = None if weight.grad is None else weight.grad.float()
            weight.grad = None

    @torch.no_grad()
    def spread(self) -> None:
        """Give the model the copies, rounded to its type."""
        for weight, copy in zip(self.weights, self.copies, strict=True):
            weight.copy_(copy)
