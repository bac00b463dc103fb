"""Attention over a window of the last positions: linear in the text, constant in its state."""

import torch
from torch import Tensor


def local_attention(query: Tensor, pairs: Tensor, valid: Tensor, bias: Tensor) -> Tensor:
    """softmax_j(q_i k_j / sqrt(c) + bias_{i-j}) v_j over 0 <= i - j < w, valid j only: [B, T, r].

    query [B, T, r]; pairs [B, w-1+T, 2r]: keys beside values, of the w-1 positions before the
    text and of the text; valid [B, w-1+T] bool; bias [heads, w]. Queries come in blocks of at
    most w with the 2w-1 keys that they can see, so memory is O(T w).
    """
    batch, length, width = query.shape
    heads, window = bias.shape
    block = min(length, window)
    count = -(-length // block)
    surplus = count * block - length
    query = torch.nn.functional.pad(query, (0, 0, 0, surplus))
    pairs = torch.nn.functional.pad(pairs, (0, 0, 0, surplus))
    valid = torch.nn.functional.pad(valid, (0, surplus))
    span = block + window - 1
    query = query.view(batch, count, block, heads, -1).transpose(2, 3)
    seen = pairs.unfold(1, span, block).view(batch, count, 2, heads, -1, span)
    scores = query @ seen[:, :, 0] * (width // heads) ** -0.5 + _nearness(bias, block)
    hidden = ~valid.unfold(1, span, block)[:, :, None, None]
    weights = scores.masked_fill(hidden, torch.finfo(scores.dtype).min).softmax(-1)
    mixed = (weights @ seen[:, :, 1].transpose(-1, -2)).transpose(2, 3)
    whole: Tensor = mixed.reshape(batch, count * block, width)
    return whole[:, :length]


def _nearness(bias: Tensor, block: int) -> Tensor:
    """The bias of query i for key j of its block, by distance; -inf outside the window."""
    window = bias.shape[1]
    here = torch.arange(block, device=bias.device)[:, None] + window - 1
    distance = here - torch.arange(block + window - 1, device=bias.device)
    outside = (distance < 0) | (distance >= window)
    return bias[:, distance.clamp(0, window - 1)].masked_fill(outside, float("-inf"))
