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
from bb_nn.tapped import tap


@dataclass(frozen=True)
class Described:
    """Texts and their vectors [n, taps * d], float32."""

    texts: tuple[str, ...]
    vectors: Tensor

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of each text."""
        return {text: row for row, text in enumerate(self.texts)}


def describe(base: Base, texts: Sequence[str], layers: Sequence[int]) -> Described:
    """The vector of a text: the mean over its tokens of concat_l LN(h_l)."""
    each = tuple(dict.fromkeys(texts))
    return Described(each, torch.stack([pooled(t.states) for t in tap(base, each, layers)]))


def pooled(states: Tensor) -> Tensor:
    """[taps * d] for states [T, taps, d]."""
    return layer_norm(states.float(), states.shape[-1:]).flatten(1).mean(dim=0)
