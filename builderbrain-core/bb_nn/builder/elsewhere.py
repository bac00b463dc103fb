"""The second pass: a slot its clause does not answer reads the whole text.

One attention over all tokens, from the state that found nothing in its clause; what it may answer
with are the spans outside the clause.
"""

from torch import Tensor, nn

from bb_nn.builder.attention import Attention, hidden
from bb_nn.builder.config import BuilderConfig


class Elsewhere(nn.Module):
    """h + attention(LN h, memory)."""

    def __init__(self, config: BuilderConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.attention = Attention(config.width, config.heads)
        self.last = nn.LayerNorm(config.width)

    def forward(self, h: Tensor, memory: Tensor, real: Tensor) -> Tensor:
        """[P, width] for states h [P, width], memory [P, T, width] and its real tokens [P, T]."""
        x, to = self.norm(h)[:, None], self.attention.keyed_where(memory, real)
        found = self.attention(x, to, hidden(real)[:, None, None, :])
        out: Tensor = self.last(h + found[:, 0])
        return out
