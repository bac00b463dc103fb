"""The segmenter: which tokens of a request start a clause."""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from bb_nn.builder.config import BuilderConfig

POSITIVE_WEIGHT = 3.0


class Segmenter(nn.Module):
    """p(token t starts a clause) = sigmoid(v . gelu(W m_t)); the first token always does."""

    def __init__(self, config: BuilderConfig) -> None:
        super().__init__()
        self.score = nn.Sequential(
            nn.Linear(config.width, config.width // 2), nn.GELU(), nn.Linear(config.width // 2, 1)
        )

    def forward(self, memory: Tensor) -> Tensor:
        """Logits [B, T] for memory [B, T, width]."""
        logits: Tensor = self.score(memory).squeeze(-1)
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
