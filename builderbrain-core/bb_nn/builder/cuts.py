"""Where a request may be cut: as the segmenter would, and otherwise where it doubts.

    delta(c) = sum over the tokens t where c differs from the segmenter's own cuts of
               -(z_t - log 3) if the segmenter cuts at t, else z_t - log 3           nats

z_t is the segmenter's logit; its training weighs starts three times, hence log 3. So delta is the
log probability of c less that of the segmenter's own, of which delta is 0.
"""

from itertools import combinations
from math import log

import torch
from torch import Tensor

from bb_nn.builder.segmenter import POSITIVE_WEIGHT, cut

Cuts = tuple[list[int], float]
"""The tokens at which clauses start, and delta."""

DOUBTS, MOST, WITHIN = 2, 3, 3.0
"""So many tokens are doubted, so many cuts come of it, none less likely by more than this."""


def cuts(logits: Tensor, request: Tensor) -> list[Cuts]:
    """The segmenter's own cuts [T] of one text, then the likeliest others.

    `request` [T] is False for tokens that no clause may start at.
    """
    own = cut(logits, request)
    z = logits - log(POSITIVE_WEIGHT)
    change = torch.where(logits > 0, -z, z).masked_fill(~request, float("-inf"))
    change[0] = float("-inf")  # the first token always starts one
    found = change.topk(min(DOUBTS, len(change)))
    doubted = list(zip(found.indices.tolist(), found.values.tolist(), strict=True))
    sets = [some for size in range(1, DOUBTS + 1) for some in combinations(doubted, size)]
    others = [(sorted({*own} ^ {t for t, _ in some}), sum(d for _, d in some)) for some in sets]
    near = sorted((row for row in others if row[1] > -WITHIN), key=lambda row: -row[1])
    return [(own, 0.0), *near[: MOST - 1]]
