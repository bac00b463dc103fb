"""Which of the plans that a builder could build is the likeliest to be right.

    p(plan) = softmax over all candidates of  w . traits(plan)

A plan's own probability cannot say that a word of the request was left unread, nor that it was cut
in the wrong place; the traits can. Plans that are the same but for where they were cut count as
one, with the sum of their probabilities.

    plan      log probability of all of the plan's answers, nats
    cuts      log probability of the cuts less that of the segmenter's own, nats (`cuts`)
    unread    texts in the request that some type reads and the plan copies nowhere
    refused   1 if the checker would refuse it, in the first round
    empty     clauses out of which nothing came

Until `w` is fitted (`bb_train.rank`) it is (1, 1, 0, 0, 0): the probability of cuts and plan.
Not covered: candidates that no beam found; in a later round, what the checker would say. Texts are
compared as they stand: one that stands within a longer text that is copied counts as read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bb_core.actions import assemble, blanked
from bb_core.check import check
from bb_core.decision import Decision, Filled
from bb_core.errors import PlanError
from bb_core.state import State
from bb_core.verdict import Checked
from bb_nn.builder.asker import Asker
from bb_nn.builder.built import Built

TRAITS = ("plan", "cuts", "unread", "refused", "empty")
WIDE = 4
"""At least so many plans of each way to cut are ranked."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A plan that may be the right one, and what is known of it."""

    built: Built
    traits: tuple[float, ...]

    @property
    def same(self) -> tuple[Decision, ...]:
        """What it decides, wherever the request is cut."""
        return tuple(replace(one, clause=0) for one in self.built.decisions)


class Ranker(nn.Module):
    """w, kept beside a builder's weights; it is fitted, not trained along."""

    weights: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weights", torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0]))

    def best(self, found: Sequence[Contender], k: int) -> list[Built]:
        """The k likeliest to be right, best first; of the same plan, as it is likeliest cut."""
        if not found:
            return []
        scores = torch.tensor([one.traits for one in found]) @ self.weights
        rows = zip(scores.log_softmax(0).tolist(), found, strict=True)
        merged: dict[Any, tuple[float, Built]] = {}
        for score, one in sorted(rows, key=lambda row: -row[0]):
            total, built = merged.get(one.same, (-inf, one.built))
            merged[one.same] = (float(np.logaddexp(total, score)), built)
        best = sorted(merged.values(), key=lambda row: -row[0])
        return [replace(built, log_prob=score) for score, built in best[:k]]


def traits_of(asker: Asker, built: Built, delta: float) -> tuple[float, ...]:
    """A plan's traits; delta, of the cuts it was built from, as in `cuts`."""
    decisions, seen = built.decisions, asker.scene
    copied = {seen.text[begin:end] for begin, end in asker.offers.spots(_fills(decisions))}
    unread = [text for text in asker.offers.said if not any(text in one for one in copied)]
    refused = seen.request_end == len(seen.text) and _refused(asker, decisions)
    empty = len(built.starts) - len({one.clause for one in decisions})
    return (built.log_prob, delta, float(len(unread)), float(refused), float(empty))


def _fills(decisions: Iterable[Decision]) -> list[Filled]:
    fills = [fill for one in decisions for fill in one.fills]
    return fills + [one.when.right for one in decisions if one.when]


def _refused(asker: Asker, decisions: Sequence[Decision]) -> bool:
    compiled, seen = asker.space.compiled, asker.scene
    try:
        plan = assemble(asker.space, seen, blanked(decisions, seen.text))
    except PlanError:
        return True
    return not isinstance(check(compiled, plan, State(request=seen.request)), Checked)
