"""A low-rank change of one projection, chosen per row or per position."""

import torch
from torch import Tensor


def chosen(x: Tensor, z: Tensor, down: Tensor, up: Tensor) -> Tensor:
    """y = B_z A_z x for hard z: [B] (one skill per sequence) or [B, T] (one per position).

    `down` is [n, r, d_in], `up` is [n, d_out, r], x is [B, T, d_in]. Where z is -1, y is 0.
    """
    if z.dim() == 1:
        return _by_row(x, z, down, up)
    return mixed(x, one_hot(z, len(down), x.dtype), down, up)


def mixed(x: Tensor, weights: Tensor, down: Tensor, up: Tensor) -> Tensor:
    """y = sum_k w_k B_k A_k x; weights [B, n] or [B, T, n]. Every skill is computed.

    Its cost is about that of one square projection, so it is for training and for few layers.
    """
    inner = torch.einsum("bti,kri->btkr", x, down)
    by_position = weights if weights.dim() == 3 else weights.unsqueeze(1)
    inner = inner * by_position.unsqueeze(-1).to(x.dtype)
    return torch.einsum("btkr,kor->bto", inner, up)


def one_hot(z: Tensor, n: int, dtype: torch.dtype) -> Tensor:
    """[..., n]: 1 at z, all 0 where z is -1."""
    return (z.unsqueeze(-1) == torch.arange(n, device=z.device)).to(dtype)


def _by_row(x: Tensor, z: Tensor, down: Tensor, up: Tensor) -> Tensor:
    """Gather the rows' matrices, then two batched products."""
    rows = z.clamp_min(0)
    y = torch.bmm(torch.bmm(x, down[rows].transpose(1, 2)), up[rows].transpose(1, 2))
    return y * (z >= 0).to(y.dtype).view(-1, 1, 1)
