"""KL of a learning builder to the one that serves, where it can be differentiated.

    KL = 1/n sum over episodes of sum_j sum_o p'(o | j) (log p'(o | j) - log p(o | j))

over every question j of the gold plans of a batch of n, both given the same answers before it. The
gate measures the same on the candidate's own plans (`bb_nn.builder.apart`).
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from bb_nn.builder.batch import Batch
from bb_nn.builder.network import Outcome
from bb_nn.builder.option_head import log_softmax


def nearness(ours: Outcome, theirs: Outcome, batch: Batch) -> Tensor:
    """The KL, nats an episode, as a scalar with gradients into `ours`."""
    asked, groups = batch.questions, len(batch.questions.action)
    p, q = (log_softmax(o.options, asked.group, groups, asked.allowed) for o in (ours, theirs))
    total = _terms(p, q).sum()
    for sign in (1, -1):
        total = total + _terms(logsigmoid(sign * ours.edges), logsigmoid(sign * theirs.edges)).sum()
    for a, b in ((ours.first, theirs.first), (ours.last, theirs.last)):
        total = total + _terms(a, b).sum()
    # No KL is negative; where the two are one, rounding may say so.
    return (total / len(batch.texts.lengths)).clamp_min(0.0)


def _terms(p: Tensor, q: Tensor) -> Tensor:
    """p (log p - log q); 0 where p is."""
    gone = torch.isneginf(p)
    return torch.where(gone, 0.0, p.exp() * (p.masked_fill(gone, 0.0) - q.masked_fill(gone, 0.0)))
