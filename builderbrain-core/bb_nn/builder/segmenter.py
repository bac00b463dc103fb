"""The segmenter: which tokens of a request start a clause.

It may read the base's states with a memory of its own, so that what tells where a clause ends need
not share what tells what its words mean.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.memory import Memory

POSITIVE_WEIGHT = 3.0


class Segmenter(nn.Module):
    """p(token t starts a clause) = sigmoid(v . gelu(W m_t)); the first token always does.

    m is its own memory, `config.segmenter` wide; with 0, the builder's. tokens: as in `Memory`.
    """

    def __init__(self, config: BuilderConfig, tokens: Tensor) -> None:
        super().__init__()
        own = config.segmenter
        self.memory = Memory(replace(config, width=own), tokens) if own else None
        width = own or config.width
        self.score = nn.Sequential(
            nn.Linear(width, width // 2), nn.GELU(), nn.Linear(width // 2, 1)
        )

    def forward(self, states: Tensor, lengths: Tensor, memory: Tensor) -> Tensor:
        """Logits [B, T] for states [B, T, taps, d], and the builder's memory [B, T, width]."""
        read = memory if self.memory is None else self.memory(states, lengths)
        logits: Tensor = self.score(read).squeeze(-1)
        return logits


def start_loss(logits: Tensor, starts: Tensor, known: Tensor) -> Tensor:
    """Mean binary cross-entropy over the known tokens [B, T], starts weighing three times; nats."""
    weight = torch.tensor(POSITIVE_WEIGHT, device=logits.device)
    each = binary_cross_entropy_with_logits(logits, starts, reduction="none", pos_weight=weight)
    return (each * known).sum() / known.sum().clamp_min(1)


def cut(logits: Tensor, request: Tensor) -> list[int]:
    """The token indices at which a clause starts, for one text [T]: the first, and p > 1/2.

    `request` [T] is False for tokens that no clause may start at.
    """
    starts = torch.nonzero((logits > 0) & request).flatten().tolist()
    return sorted({0, *starts})
