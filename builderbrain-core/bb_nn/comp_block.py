"""A tap's block: it reads one base layer and moves the rail's stream on by one step."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bb_nn.local_attention import absent_score, local_attention
from bb_nn.recurrence import min_gru, spread

Memory = tuple[Tensor, ...]


class CompBlock(nn.Module):
    """b = W_in N(h);  x = N(b + u);  s_t = (1 - z_t) s_{t-1} + z_t g_t;  a = attention of x to b's
    last w positions;  y = x + s + W_o a;  u' = y + FFN(N(y)) + Delta_k x.  N is layer norm.

    h [B, T, d] is the base's state, u [B, T, r] the stream so far. The state kept for decoding is
    r + (w - 1)(2r + 1) numbers, however long the text.
    """

    def __init__(
        self,
        hidden: int,
        width: int,
        *,
        heads: int = 4,
        window: int = 16,
        feed: int = 2,
        skills: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.width, self.window = width, window
        self.read = nn.Linear(hidden, width, bias=False)
        self.norm = nn.LayerNorm(width, bias=False)
        self.own = nn.Linear(width, 3 * width)
        self.base_pairs = nn.Linear(width, 2 * width, bias=False)
        self.nearness = nn.Parameter(torch.zeros(heads, window))
        self.mix = nn.Linear(width, width, bias=False)
        self.feed_norm = nn.LayerNorm(width, bias=False)
        self.up = nn.Linear(width, feed * width)
        self.down = nn.Linear(feed * width, width)
        self.skills = skills
        with torch.no_grad():
            self.own.bias.zero_()
            self.own.bias[:width] = spread(width)

    def forward(
        self,
        h: Tensor,
        u: Tensor | None = None,
        real: Tensor | None = None,
        past: Memory | None = None,
        skill: Tensor | None = None,
    ) -> tuple[Tensor, Memory]:
        """The stream after this tap [B, T, r], and what to remember for the tokens to come.

        `real` [B, T] bool: padding is neither remembered nor attended to. `past`: the memory that
        the call before this one gave.
        """
        base = self.read(_normed(h).to(self.read.weight.dtype))
        x = self.norm(base if u is None else base + u)
        update, content, query = self.own(x).chunk(3, dim=-1)
        state, pairs, absent = past or self._blank(x)
        z, gap = torch.sigmoid(update), x.new_zeros(x.shape[:2])
        if real is not None:
            z, gap = z * real.unsqueeze(-1), gap.masked_fill(~real, absent_score(gap.dtype))
        s = min_gru(z, content, state)
        pairs = torch.cat([pairs, self.base_pairs(base)], dim=1)
        absent = torch.cat([absent, gap], dim=1)
        y = x + s + self.mix(local_attention(query, pairs, absent, self.nearness))
        out = y + self.down(F.silu(self.up(self.feed_norm(y))))
        if self.skills is not None and skill is not None:
            out = out + self.skills(x, skill)
        kept = self.window - 1
        tail = pairs.shape[1] - kept
        return out, (s[:, -1], pairs[:, tail:], absent[:, tail:])

    def _blank(self, x: Tensor) -> Memory:
        batch, kept = x.shape[0], self.window - 1
        return (
            x.new_zeros(batch, self.width),
            x.new_zeros(batch, kept, 2 * self.width),
            x.new_full((batch, kept), absent_score(x.dtype)),
        )


def _normed(h: Tensor) -> Tensor:
    """The layer norm of a state; it fits fp16, which the state itself need not (over 65,504)."""
    wide = h.to(torch.promote_types(h.dtype, torch.float32))
    return F.layer_norm(wide, h.shape[-1:])
