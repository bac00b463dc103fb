"""What the base makes of a domain's words: one frozen vector for each tool, slot, choice, pointer.

The heads compare a plan's state with these vectors, so a tool that was not there in training needs
no new parameter, only its name and its sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from bb_nn.base import Base
from bb_nn.builder.standard import moments
from bb_nn.tapped import tap


@dataclass(frozen=True)
class Described:
    """Texts and their vectors [n, taps * d], float32.

    tokens: [2, taps * d], mean and spread of their tokens' states. None: read back from a folder,
    where the builder's weights hold them.
    """

    texts: tuple[str, ...]
    vectors: Tensor
    tokens: Tensor | None = None

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of each text."""
        return {text: row for row, text in enumerate(self.texts)}


def describe(base: Base, texts: Sequence[str], layers: Sequence[int]) -> Described:
    """The vector of a text: the mean over its tokens of concat_l LN(h_l).

    The first token of a text is left out of the spread: it is the sink of the base's attention.
    """
    each = tuple(dict.fromkeys(texts))
    states = [normed(t.states) for t in tap(base, each, layers)]
    tokens = torch.cat([s[1:] if len(s) > 1 else s for s in states])
    return Described(each, torch.stack([s.mean(dim=0) for s in states]), moments(tokens))


def normed(states: Tensor) -> Tensor:
    """concat_l LN(h_l): [..., taps * d] for states [..., taps, d]."""
    return layer_norm(states.float(), states.shape[-1:]).flatten(-2)
