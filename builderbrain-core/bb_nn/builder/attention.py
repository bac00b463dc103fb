"""Multi-head attention in the three forms a builder needs: to itself, to a text, to steps."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from bb_nn.builder.packed import unpacked


@dataclass(frozen=True, slots=True)
class Keyed:
    """Keys and values, [R, heads, L, width / heads] each. They do not change once computed."""

    keys: Tensor
    values: Tensor

    def __add__(self, later: "Keyed") -> "Keyed":
        """These, then later ones."""
        keys = torch.cat([self.keys, later.keys], dim=2)
        return Keyed(keys, torch.cat([self.values, later.values], dim=2))

    def __getitem__(self, rows: Tensor) -> "Keyed":
        """Some rows, in any order, any number of times."""
        return Keyed(self.keys[rows], self.values[rows])


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(width / heads) + bias) V, projected; arXiv 1706.03762.

    `rotary`: positions turn queries and keys (RoPE, arXiv 2104.09864, base 1e4).
    """

    def __init__(self, width: int, heads: int, *, rotary: bool = False) -> None:
        super().__init__()
        self.heads, self.rotary = heads, rotary
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def keyed(self, x: Tensor, begin: int = 0) -> Keyed:
        """Keys and values of x [R, L, width], whose first position is `begin`."""
        keys, values = (self._split(part) for part in self.key_value(x).chunk(2, dim=-1))
        return Keyed(rotate(keys, begin) if self.rotary else keys, values)

    def keyed_where(self, x: Tensor, real: Tensor) -> Keyed:
        """Keys and values of x [R, L, width] where it is `real` [R, L], zeros elsewhere.

        For what has no positions.
        """
        rows = self.key_value(x[real])
        return Keyed(*(self._split(unpacked(part, real)) for part in rows.chunk(2, dim=-1)))

    def forward(self, x: Tensor, to: Keyed, bias: Tensor, begin: int = 0) -> Tensor:
        """[R, A, width]. bias: [R, heads or 1, A, L], added to the scores; -inf hides a key.

        At least one key must be open to each query.
        """
        query = self._split(self.query(x))
        query = rotate(query, begin) if self.rotary else query
        found = scaled_dot_product_attention(query, to.keys, to.values, attn_mask=bias)
        rows, _, count, _ = found.shape
        out: Tensor = self.out(found.transpose(1, 2).reshape(rows, count, -1))
        return out

    def near(self, x: Tensor, text: Tensor, window: int) -> Tensor:
        """[n, width]: each token sees those of its own text at most `window` places away.

        x: [n, width], the tokens of several texts one after another; text: [n], whose each is.
        """
        to, query = self.keyed(x[None]), self._split(self.query(x)[None])
        query = rotate(query) if self.rotary else query
        query, keys, values = (one[0].transpose(0, 1) for one in (query, to.keys, to.values))
        keys, values = around(keys, window), around(values, window)
        scores = (query[..., None] * keys).sum(dim=2) * query.shape[-1] ** -0.5
        same = around(text + 1, window) == text[:, None] + 1
        shares = (scores + hidden(same)[:, None]).softmax(dim=-1)
        out: Tensor = self.out((values * shares[:, :, None]).sum(dim=-1).flatten(1))
        return out

    def _split(self, x: Tensor) -> Tensor:
        rows, count, width = x.shape
        return x.reshape(rows, count, self.heads, width // self.heads).transpose(1, 2)


def rotate(x: Tensor, begin: int = 0, base: float = 1e4) -> Tensor:
    """x [.., L, d] turned by its position p: pairs (x_i, x_{i+d/2}) by the angle p base^(-2i/d)."""
    half = x.shape[-1] // 2
    rates = base ** (-torch.arange(half, dtype=x.dtype, device=x.device) / half)
    places = torch.arange(begin, begin + x.shape[-2], dtype=x.dtype, device=x.device)
    angles = torch.outer(places, rates)
    sin, cos = angles.sin(), angles.cos()
    left, right = x[..., :half], x[..., half:]
    return torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1)


def around(x: Tensor, window: int) -> Tensor:
    """[n, .., 2 window + 1]: of each row of x [n, ..] those around it, zeros beyond both ends."""
    ends = x.new_zeros(window, *x.shape[1:])
    return torch.cat([ends, x, ends]).unfold(0, 2 * window + 1, 1)


def hidden(allowed: Tensor) -> Tensor:
    """The bias of a mask: 0 where True, -inf where False."""
    return torch.zeros_like(allowed, dtype=torch.float32).masked_fill(~allowed, float("-inf"))


class FeedForward(nn.Sequential):
    """W2 gelu(W1 x), four times as wide inside."""

    def __init__(self, width: int, dropout: float) -> None:
        inner = 4 * width
        super().__init__(
            nn.Linear(width, inner), nn.GELU(), nn.Dropout(dropout), nn.Linear(inner, width)
        )
