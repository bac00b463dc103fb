"""The base's frozen states of the words of many texts, in one table."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bb_nn.base import Base
from bb_nn.folding.reading import words
from bb_nn.tapped import tap

LEAD = "Request: "
"""Stands before each text, so that its first word is not the first the base reads: the states of a
causal model's very first token say little about it."""
CHUNK = 1024


@dataclass(frozen=True, slots=True)
class Words:
    """Row 0 of `table` [1 + W, taps * d] is zeros; a text's words are the rows after its `first`.

    spelled: the words of each text.
    """

    table: Tensor
    first: tuple[int, ...]
    spelled: tuple[tuple[str, ...], ...]


def read_words(base: Base, texts: Sequence[str], layers: Sequence[int], batch: int = 32) -> Words:
    """A word's vector: the mean over its tokens of concat_l h_l / rms(h_l), in the base's dtype."""
    found, first, spelled = [], list[int](), list[tuple[str, ...]]()
    total = 0
    for begin in range(0, max(1, len(texts)), CHUNK):  # of no texts too, `tap` says what is wrong
        part = texts[begin : begin + CHUNK]
        tapped = tap(base, [LEAD + text for text in part], layers, batch)
        for text, one in zip(part, tapped, strict=True):
            spans = words(text)
            found.append(_pooled(one.states, one.offsets, spans))
            first.append(total)
            spelled.append(tuple(text[a:b] for a, b in spans))
            total += len(spans)
    width = len(layers) * base.model.config.get_text_config().hidden_size
    nothing = torch.zeros(1, width, dtype=base.dtype)
    return Words(torch.cat([nothing, *found]), tuple(first), tuple(spelled))


def _pooled(states: Tensor, offsets: Tensor, spans: Sequence[tuple[int, int]]) -> Tensor:
    """[W, taps * d]; a token belongs to the word that its last character is in."""
    ends = torch.tensor([end for _, end in spans]) + len(LEAD)
    mine = torch.searchsorted(ends, offsets[:, 1].contiguous())
    flat = states.float()
    flat = flat / flat.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-6)
    flat = flat.flatten(1)
    keep = (offsets[:, 1] > len(LEAD)) & (mine < len(spans))
    total = torch.zeros(len(spans), flat.shape[1]).index_add(0, mine[keep], flat[keep])
    count = torch.zeros(len(spans)).index_add(0, mine[keep], torch.ones(int(keep.sum())))
    return (total / count.clamp_min(1)[:, None]).to(states.dtype)
