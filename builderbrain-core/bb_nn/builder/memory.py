"""The memory: the base's frozen states of a text, narrowed and looked at in both directions.

A causal base knows only what is left of a token; one local block lets it know its neighbours. It
reaches `window` tokens each way and no further, so that nothing depends on how long the text is.
With `config.reading` a low-rank change C of W can be learnt alone: new words for old things.
"""

import torch
from torch import Tensor, nn

from bb_nn.builder.attention import Attention, FeedForward
from bb_nn.builder.common_change import CommonChange
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.described import normed
from bb_nn.builder.packed import unpacked
from bb_nn.builder.standard import Standard


class Memory(nn.Module):
    """m = LN(block((W + C) standard(concat_l LN(h_l)))): [B, T, taps, d] to [B, T, width].

    tokens: [2, taps * d], the moments of the states.
    """

    def __init__(self, config: BuilderConfig, tokens: Tensor) -> None:
        super().__init__()
        self.window = config.window
        self.standard = Standard(tokens)
        self.tap_dropout = nn.Dropout(config.tap_dropout)
        read = len(config.layers) * config.base_width
        self.narrow = nn.Linear(read, config.width)
        self.common = CommonChange(read, config.width, config.rank) if config.reading else None
        self.before_attention = nn.LayerNorm(config.width)
        self.attention = Attention(config.width, config.heads, rotary=True)
        self.before_inner = nn.LayerNorm(config.width)
        self.inner = FeedForward(config.width, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.last = nn.LayerNorm(config.width)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, width] for states [B, T, taps, d] of which the first `lengths` [B] are real.

        Zeros for those that are not.
        """
        real = torch.arange(states.shape[1], device=lengths.device) < lengths[:, None]
        z = self.tap_dropout(self.standard(normed(states[real])))
        m = self.narrow(z) if self.common is None else self.narrow(z) + self.common(z)
        text = torch.nonzero(real)[:, 0]
        m = m + self.dropout(self.attention.near(self.before_attention(m), text, self.window))
        m = m + self.dropout(self.inner(self.before_inner(m)))
        return unpacked(self.last(m), real)
