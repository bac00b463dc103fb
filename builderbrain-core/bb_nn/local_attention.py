"""Attention over a window of the last positions: linear in the text, constant in its state."""

import torch
import torch.nn.functional as F
from torch import Tensor


def absent_score(dtype: torch.dtype) -> float:
    """Added to the score of a position that is not there; finite, so no row is all -inf."""
    return max(-1e30, torch.finfo(dtype).min / 2)


def local_attention(query: Tensor, pairs: Tensor, absent: Tensor, bias: Tensor) -> Tensor:
    """softmax_j(q_i k_j / sqrt(c) + bias_{i-j} + absent_j) v_j over 0 <= i - j < w: [B, T, r].

    query [B, T, r]; pairs [B, w-1+T, 2r]: keys beside values, of the w-1 positions before the
    text and of the text; absent [B, w-1+T], 0 or `absent_score`; bias [heads, w].
    """
    if query.shape[1] == 1:
        return _one(query, pairs, absent, bias)
    return _blocks(query, pairs, absent, bias)


def _one(query: Tensor, pairs: Tensor, absent: Tensor, bias: Tensor) -> Tensor:
    """One query: the whole window is its keys, the nearest last."""
    batch, _, width = query.shape
    heads = bias.shape[0]
    keys, values = pairs.view(batch, -1, 2, heads, width // heads).permute(2, 0, 3, 1, 4).unbind()
    mask = absent[:, None, None] + bias.flip(-1)[:, None]
    mixed = F.scaled_dot_product_attention(query.view(batch, heads, 1, -1), keys, values, mask)
    return mixed.view(batch, 1, width)


def _blocks(query: Tensor, pairs: Tensor, absent: Tensor, bias: Tensor) -> Tensor:
    """Queries in blocks of at most w, with the 2w-1 keys that they can see: memory is O(T w)."""
    batch, length, width = query.shape
    heads, window = bias.shape
    block = min(length, window)
    count = -(-length // block)
    surplus = count * block - length
    query, pairs = F.pad(query, (0, 0, 0, surplus)), F.pad(pairs, (0, 0, 0, surplus))
    span = block + window - 1
    query = query.view(batch, count, block, heads, -1).transpose(2, 3)
    seen = pairs.unfold(1, span, block).view(batch, count, 2, heads, -1, span)
    gaps = F.pad(absent, (0, surplus)).unfold(1, span, block)[:, :, None, None]
    scores = query @ seen[:, :, 0] * (width // heads) ** -0.5 + _nearness(bias, block) + gaps
    mixed = (scores.softmax(-1) @ seen[:, :, 1].transpose(-1, -2)).transpose(2, 3)
    whole: Tensor = mixed.reshape(batch, count * block, width)
    return whole[:, :length]


def _nearness(bias: Tensor, block: int) -> Tensor:
    """The bias of query i for key j of its block, by distance; -inf outside the window."""
    window = bias.shape[1]
    here = torch.arange(block, device=bias.device)[:, None] + window - 1
    distance = here - torch.arange(block + window - 1, device=bias.device)
    outside = (distance < 0) | (distance >= window)
    return bias[:, distance.clamp(0, window - 1)].masked_fill(outside, float("-inf"))
