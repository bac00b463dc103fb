"""The fold's network: one question about one view, answered without any memory of earlier ones.

    u_i = W x_i (a word) or W' d_type (a finished step), + place_i + mark_i
    h   = two transformer blocks over [query; u]
    logit(no) = w.h_0, logit(tool) = A h_0 . K d_tool, logit(choice) = B h_0 . K' d_choice,
    logit(unit i) = C h_0 . K'' h_i

x are the base's frozen states of the words, d its frozen vectors of the domain's own sentences; so
a tool, a slot, a choice or a type that was not there in training needs no new parameter.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bb_nn.builder.attention import Attention, FeedForward, hidden
from bb_nn.folding.question import END, PAD, TYPES_AT, WORD


@dataclass(frozen=True, slots=True)
class FoldConfig:
    """What a fold's network is made with; `layers` are the base's that are read."""

    layers: tuple[int, ...]
    base_width: int
    left: int = 8
    right: int = 1
    width: int = 160
    heads: int = 4
    blocks: int = 2
    dropout: float = 0.1
    tap_dropout: float = 0.2

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain JSON."""
        return {**asdict(self), "layers": list(self.layers)}


@dataclass(frozen=True, slots=True)
class Asked:
    """Q questions. kind, word, mark: [Q, V]; open: bool [Q, columns]; query: [Q]."""

    query: Tensor
    kind: Tensor
    word: Tensor
    mark: Tensor
    open: Tensor


@dataclass(frozen=True, slots=True)
class Spoken:
    """The base's vectors [n, taps * d] of a domain's tools, slots, choices and types."""

    tools: Tensor
    slots: Tensor
    choices: Tensor
    types: Tensor


class _Block(nn.Module):
    def __init__(self, config: FoldConfig) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(config.width)
        self.attention = Attention(config.width, config.heads)
        self.before_inner = nn.LayerNorm(config.width)
        self.inner = FeedForward(config.width, config.dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        y = self.before_attention(x)
        x = x + self.dropout(self.attention(y, self.attention.keyed(y), bias))
        out: Tensor = x + self.dropout(self.inner(self.before_inner(x)))
        return out


class FoldNetwork(nn.Module):
    """Logits [Q, columns] of Q questions; columns as in `question`."""

    spoken: Tensor

    def __init__(self, config: FoldConfig, spoken: Spoken) -> None:
        super().__init__()
        width, wide = config.width, len(config.layers) * config.base_width
        self.config = config
        parts = [spoken.tools, spoken.slots, spoken.choices, spoken.types]
        self.sizes = [len(part) for part in parts]
        self.register_buffer("spoken", torch.cat(parts).float(), persistent=False)
        self.narrow = nn.Sequential(
            nn.Dropout(config.tap_dropout), nn.Linear(wide, width), nn.LayerNorm(width)
        )
        self.say = nn.Sequential(nn.Linear(wide, width), nn.LayerNorm(width))
        self.place = nn.Embedding(config.left + config.right, width)
        self.ends = nn.Embedding(TYPES_AT, width)
        self.used = nn.Embedding(2, width)
        self.which = nn.Parameter(torch.randn(width) * 0.02)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.last = nn.LayerNorm(width)
        self.no = nn.Linear(width, 2)
        self.ask = nn.Linear(width, 3 * width)
        self.key = nn.Linear(width, 3 * width, bias=False)

    def forward(self, asked: Asked, table: Tensor) -> Tensor:
        """`table` holds the words' vectors, see `words`. What is not open is -inf."""
        tools, slots, choices, types = self.say(self.spoken).split(self.sizes)
        x = self._units(asked, table, slots, types)
        is_slot = (asked.query > 0)[:, None]
        query = torch.where(is_slot, slots[(asked.query - 1).clamp_min(0)], self.which)
        seen = torch.cat([torch.ones_like(is_slot), asked.kind != PAD], dim=1)
        x = torch.cat([query[:, None], x], dim=1)
        bias = hidden(seen)[:, None, None, :]
        for block in self.blocks:
            x = block(x, bias)
        x = self.last(x)
        return self._answers(x[:, 0], x[:, 1 : 1 + self.config.left], tools, choices, asked)

    def _units(self, asked: Asked, table: Tensor, slots: Tensor, types: Tensor) -> Tensor:
        width = self.config.width
        x = self.ends(asked.kind.clamp_max(END)).new_zeros(*asked.kind.shape, width)
        word, step = asked.kind == WORD, asked.kind >= TYPES_AT
        x = x.masked_scatter(word[..., None], self.narrow(table[asked.word[word]].float()))
        x = x.masked_scatter(step[..., None], types[asked.kind[step] - TYPES_AT])
        x = x + self.ends(asked.kind.clamp_max(WORD)) + self.place.weight
        mark = asked.mark > 0
        filled = slots[(asked.mark[mark] - 1).long()] + self.used.weight[1]
        out: Tensor = x + torch.zeros_like(x).masked_scatter(mark[..., None], filled)
        return out

    def _answers(
        self, h: Tensor, units: Tensor, tools: Tensor, choices: Tensor, asked: Asked
    ) -> Tensor:
        width = self.config.width
        to_tool, to_choice, to_unit = self.ask(h).chunk(3, dim=-1)
        tool_key, choice_key, unit_key = torch.split(self.key.weight, width)
        no = self.no(h).gather(1, (asked.query > 0).long()[:, None])
        scale = width**-0.5
        logits = torch.cat(
            [
                no,
                to_tool @ (tools @ tool_key.T).T * scale,
                to_choice @ (choices @ choice_key.T).T * scale,
                torch.einsum("qd,qvd->qv", to_unit, units @ unit_key.T) * scale,
            ],
            dim=1,
        )
        return logits.masked_fill(~asked.open, float("-inf"))
