"""Which skill a span calls for: a linear reading of its state, masked by what may come next."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class Router(nn.Module):
    """rho = W u + b, with -inf where the plan's language allows no such skill.

    Where a plan step is known its skill is the label (`label_loss`); where none is, `straight`
    draws one and keeps a gradient. A row that allows nothing is all -inf: the caller must not ask.
    """

    def __init__(self, width: int, n: int) -> None:
        super().__init__()
        self.head = nn.Linear(width, n)

    def forward(self, state: Tensor, allowed: Tensor | None = None) -> Tensor:
        """[..., n] logits of states [..., width]; allowed is boolean [..., n]."""
        logits: Tensor = self.head(state)
        return logits if allowed is None else logits.masked_fill(~allowed, -math.inf)


def label_loss(logits: Tensor, skill: Tensor) -> Tensor:
    """Mean over labelled positions of -log softmax(rho)_z; -1 marks a position without a label.

    0 where nothing is labelled.
    """
    known = skill >= 0
    if not known.any():
        return logits.new_zeros(())
    return functional.cross_entropy(logits[known], skill[known])


def temperature(step: int, kappa: float = 1e-3) -> float:
    """tau = max(1/2, 2 e^(-kappa step))."""
    return max(0.5, 2.0 * math.exp(-kappa * step))


def straight(logits: Tensor, tau: float, generator: torch.Generator | None = None) -> Tensor:
    """z = onehot(argmax y) + y - sg(y), y = softmax((rho + g) / tau), g ~ Gumbel(0, 1).

    The value is one hot, the gradient is y's (arXiv 1611.01144). Never draws what is masked.
    """
    waits = torch.empty_like(logits, requires_grad=False).exponential_(generator=generator)
    gumbel = -waits.clamp_min(torch.finfo(waits.dtype).tiny).log()
    soft = torch.softmax((logits + gumbel) / tau, dim=-1)
    hard = functional.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()


def load_loss(weights: Tensor, prior: Tensor) -> Tensor:
    """KL(mean z || prior) in nats; weights [..., n] are soft or straight-through choices."""
    mean = weights.reshape(-1, weights.shape[-1]).mean(0)
    return (mean * (mean.clamp_min(1e-6) / prior.clamp_min(1e-6)).log()).sum()
