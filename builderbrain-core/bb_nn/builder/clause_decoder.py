"""The clause decoder: one clause's steps, action by action, from that clause's tokens alone.

Its context is fresh in every clause. What it knows of the rest of the plan is the earlier steps,
as rows it can attend to; so the tenth clause looks like the second. A decoder that sees the whole
text learns the length of its training plans and no other.

Not covered: an argument that stands in another clause; see `elsewhere`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bb_nn.builder.attention import Attention, FeedForward, Keyed, hidden
from bb_nn.builder.common_change import CommonChange
from bb_nn.builder.config import BuilderConfig
from bb_nn.programs.bank import SkillBank

MARKS = 3
"""What an action knows of each token: copied before; behind the last copied; how far from it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What R clauses may look at, with the keys of every block computed once.

    text, steps: one Keyed a block. text_open: [R, T], the clause's own tokens. steps_open: [R, N],
    the steps built before; the first column is a step that never was, open to all.
    """

    text: tuple[Keyed, ...]
    steps: tuple[Keyed, ...]
    text_open: Tensor
    steps_open: Tensor

    def __getitem__(self, rows: Tensor) -> "Seen":
        """Some rows, in any order, any number of times."""
        return Seen(
            tuple(k[rows] for k in self.text),
            tuple(k[rows] for k in self.steps),
            self.text_open[rows],
            self.steps_open[rows],
        )


class _Block(nn.Module):
    """x + self, + text, + steps, + inner and the adapter of the skill being filled; pre-LN."""

    def __init__(self, config: BuilderConfig) -> None:
        super().__init__()
        width, heads = config.width, config.heads
        self.itself = Attention(width, heads, rotary=True)
        self.text = Attention(width, heads)
        self.steps = Attention(width, heads)
        self.marks = nn.Linear(MARKS, heads, bias=False)
        self.inner = FeedForward(width, config.dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))
        self.dropout = nn.Dropout(config.dropout)
        self.bank = SkillBank(config.skills, width, width, config.rank) if config.skills else None
        self.common = CommonChange(width, width, config.rank) if config.common else None

    def forward(
        self, x: Tensor, z: Tensor, marks: Tensor, seen: tuple[Keyed, Keyed, Tensor, Tensor],
        past: Keyed | None, begin: int,
    ) -> tuple[Tensor, Keyed]:  # fmt: skip
        """x after the block, and the keys of all of its actions so far."""
        text, steps, text_bias, steps_bias = seen
        y = self.norms[0](x)
        own = self.itself.keyed(y, begin)
        own = past + own if past else own
        x = x + self.dropout(self.itself(y, own, _causal(x.shape[1], begin, x.device), begin))
        bias = text_bias + self.marks(marks).permute(0, 3, 1, 2)
        x = x + self.dropout(self.text(self.norms[1](x), text, bias))
        x = x + self.dropout(self.steps(self.norms[2](x), steps, steps_bias))
        y = self.norms[3](x)
        change = self.inner(y) if self.bank is None else self.inner(y) + self.bank(y, z)
        change = change if self.common is None else change + self.common(y)
        return x + self.dropout(change), own


class ClauseDecoder(nn.Module):
    """Hidden states of the actions of R clauses; causal, so a prefix never sees what follows."""

    def __init__(self, config: BuilderConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.nothing = nn.Parameter(torch.zeros(config.width))
        self.last = nn.LayerNorm(config.width)

    def look(self, text: Tensor, text_open: Tensor, steps: Tensor, steps_open: Tensor) -> Seen:
        """Prepare [R, T, width] tokens and [R, N, width] earlier steps, with masks [R, T], [R, N].

        Each row needs at least one open token.
        """
        rows = len(text)
        steps = torch.cat([self.nothing.expand(rows, 1, -1), steps], dim=1)
        always = torch.ones(rows, 1, dtype=torch.bool, device=text.device)
        return Seen(
            tuple(block.text.keyed_where(text, text_open) for block in self._each()),
            tuple(block.steps.keyed(steps) for block in self._each()),
            text_open,
            torch.cat([always, steps_open], dim=1),
        )

    def forward(
        self,
        x: Tensor,
        z: Tensor,
        marks: Tensor,
        seen: Seen,
        past: tuple[Keyed, ...] | None = None,
    ) -> tuple[Tensor, tuple[Keyed, ...]]:
        """Hidden states [R, A, width] and every block's keys, to be given as `past` for the next.

        x: [R, A, width], the actions' inputs. z: long [R, A], the adapter of each, -1 for none.
        marks: [R, A, T, MARKS].
        """
        begin = past[0].keys.shape[2] if past else 0
        text_bias = hidden(seen.text_open)[:, None, None, :]
        steps_bias = hidden(seen.steps_open)[:, None, None, :]
        kept = []
        for i, block in enumerate(self._each()):
            looks = (seen.text[i], seen.steps[i], text_bias, steps_bias)
            x, own = block(x, z, marks, looks, past[i] if past else None, begin)
            kept.append(own)
        return self.last(x), tuple(kept)

    def _each(self) -> list[_Block]:
        return [block for block in self.blocks if isinstance(block, _Block)]


def _causal(count: int, begin: int, device: torch.device) -> Tensor:
    """[1, 1, A, begin + A]: an action sees itself and what came before it."""
    rows = torch.arange(begin, begin + count, device=device)
    return hidden(torch.arange(begin + count, device=device)[None, :] <= rows[:, None])[None, None]
