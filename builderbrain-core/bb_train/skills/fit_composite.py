"""A composite skill in a trained builder: only its vector and its adapter rows are learnt.

Not covered: keeping the vector in a rail's folder. `Fitted.vectors` holds it by the skill's text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bb_core.space import Space
from bb_nn.base import Base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.described import Described, describe
from bb_nn.builder.words import skill_text, words_of
from bb_train.skills.rows import train_rows

Loss = Callable[[PlanBuilder, int], Tensor]
"""What a builder loses at a step; on which examples is the caller's choice."""


@dataclass(frozen=True)
class Fitted:
    """What was learnt: the vector of each skill's text, and the loss of each step."""

    vectors: Mapping[str, Tensor]
    losses: tuple[float, ...]

    @property
    def parameters(self) -> int:
        """How many numbers the vectors are; adapter rows are counted in the library."""
        return sum(vector.numel() for vector in self.vectors.values())


def widened(builder: PlanBuilder, space: Space, base: Base) -> PlanBuilder:
    """A copy of a trained builder for a space with more skills.

    A new skill starts from what the base makes of its tools' names and sentences. The vectors that
    are there already stay the same to the bit: described again in another batch they would not.
    """
    known, texts = builder.described.rows, words_of(space)
    new = [text for text in texts if text not in known]
    fresh = describe(base, new, builder.config.layers) if new else builder.described
    old = builder.network.words
    vectors = [old[known[t]] if t in known else fresh.vectors[fresh.rows[t]] for t in texts]
    wider = PlanBuilder(builder.config, space, Described(texts, torch.stack(vectors)))
    wider.load_state_dict(builder.state_dict())
    return wider


def fit_skills(
    builder: PlanBuilder, places: Sequence[int], loss: Loss, steps: int, rate: float = 3e-3
) -> Fitted:
    """Learn the vectors of these skills of the builder's space, and their adapters if they have.

    Nothing else of the builder changes by a bit; the builder itself is changed.
    """
    texts = [skill_text(builder.space, place) for place in places]
    rows = torch.tensor([builder.described.rows[text] for text in texts])
    network, before = builder.network, builder.network.words.detach()
    vectors = nn.Parameter(before[rows].clone())
    adapters = [place for place in places if place < builder.config.skills]

    def at(step: int) -> Tensor:
        network.words = before.index_copy(0, rows, vectors)
        return loss(builder, step)

    try:
        losses = train_rows(builder, adapters, at, steps, rate, [vectors])
    finally:
        network.words = before.index_copy(0, rows, vectors.detach())
    learnt = dict(zip(texts, vectors.detach().clone(), strict=True))
    return Fitted(learnt, tuple(losses))
