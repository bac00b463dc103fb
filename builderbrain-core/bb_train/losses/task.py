"""What the model is for: the right token, and the right decision."""

from torch import Tensor
from torch.nn.functional import cross_entropy


def token_ce(logits: Tensor, targets: Tensor, keep: Tensor | None = None) -> Tensor:
    """-(1/n) sum_t log p(y_t), nats a token, over the positions kept.

    logits [..., V], targets [...] of int64, keep [...] of bool (None: all). 0 when none is kept.
    """
    nats = cross_entropy(logits.float().flatten(0, -2), targets.flatten(), reduction="none")
    return kept_mean(nats, None if keep is None else keep.flatten())


def decision_ce(
    scores: Tensor, targets: Tensor, allowed: Tensor, keep: Tensor | None = None
) -> Tensor:
    """-(1/n) sum_i log softmax(scores_i | allowed_i)[y_i], nats a decision.

    scores, allowed [..., K]; targets, keep [...]. A decision that is not allowed has no
    probability: it raises ValueError where it is kept, since no training can learn it.
    """
    at = targets.unsqueeze(-1)
    legal = allowed.gather(-1, at).squeeze(-1)
    wanted = legal.new_ones(legal.shape) if keep is None else keep
    if bool((wanted & ~legal).any()):
        raise ValueError(f"{int((wanted & ~legal).sum())} targets lie outside what is allowed")
    masked = scores.float().masked_fill(~allowed, float("-inf"))
    nats = masked.logsumexp(-1) - scores.float().gather(-1, at).squeeze(-1)
    return kept_mean(nats.masked_fill(~wanted, 0.0), wanted)


def kept_mean(values: Tensor, keep: Tensor | None) -> Tensor:
    """The mean of the values kept; 0 (with a gradient of 0) when there are none."""
    if keep is None:
        return values.mean()
    return values.masked_fill(~keep, 0.0).sum() / keep.sum().clamp(min=1)
