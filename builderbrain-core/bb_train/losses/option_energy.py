"""The energy of a builder's decisions: probability put on answers the plan language forbids."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from bb_nn.builder.option_head import log_total


def option_energy(logits: Tensor, group: Tensor, groups: int, allowed: Tensor) -> Tensor:
    """E_g = -log sum_{o in g, allowed} p(o) = log(1 + e^{total(forbidden) - total(allowed)}), [G].

    logits, allowed, group [O]: the options of `groups` questions, p their softmax within a
    question. total is the log sum exp. 0 for a question that forbids nothing, and for one that
    allows nothing: there is no right answer to move to. The analogue of `cfs_energy` where the
    vocabulary differs from question to question.
    """
    inside, outside = (log_total(logits[rows], group[rows], groups) for rows in (allowed, ~allowed))
    live = torch.isfinite(inside) & torch.isfinite(outside)
    # A question outside `live` must give neither a value nor a NaN gradient.
    gap = torch.where(live, outside, 0.0) - torch.where(live, inside, 0.0)
    return softplus(gap).masked_fill(~live, 0.0)
