"""How much probability the model puts on tokens the grammar does not allow, in nats."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn.functional import softplus

from bb_train.losses.task import kept_mean

ROWS = 64
"""Rows looked at together: at a vocabulary of 201 088 a chunk is 51 MB of float32."""


def cfs_energy(logits: Tensor, allowed: Tensor, rows: int = ROWS) -> Tensor:
    """E_t = -log sum_{v in A_t} p(v) = logsumexp(l_t) - logsumexp(l_t[A_t]) >= 0, nats a token.

    logits [..., V]; allowed [..., V] of bool, or [..., ceil(V/32)] of int32, bit v % 32 of word
    v // 32 being token v (as llguidance packs it). Returns [...], float32. A row that allows
    nothing is a dead prefix: no mask exists there, its energy is 0. Exactly 0 where all is allowed.
    Gradient: p_v - 1[v in A] p_v / Z_A. Memory beyond the logits' own gradient: one chunk of rows.

    It sees one token at a time: an error that needs context the grammar does not hold stays
    unseen. A budget of c nats a token bounds a sequence's violations by about 1 - exp(-T c).
    """
    width = logits.shape[-1]
    flat = logits.reshape(-1, width)
    energies: Tensor = _Energy.apply(flat, allowed.reshape(flat.shape[0], -1), rows)  # type: ignore[no-untyped-call]
    return energies.view(logits.shape[:-1])


def cfs_loss(logits: Tensor, allowed: Tensor, keep: Tensor | None = None) -> Tensor:
    """The mean energy over kept positions with a live prefix; 0 when there are none."""
    live = (allowed != 0).any(-1)
    return kept_mean(cfs_energy(logits, allowed), live if keep is None else live & keep)


def budget(violations: float, tokens: float) -> float:
    """c = -log(1 - violations) / T: nats a token that keep a sequence's violation rate."""
    return float(-torch.log1p(torch.tensor(-violations, dtype=torch.float64)) / tokens)


def pack(allowed: Tensor) -> Tensor:
    """[..., V] of bool as [..., ceil(V/32)] of int32, a bit a token."""
    width = -(-allowed.shape[-1] // 32) * 32
    padded = torch.nn.functional.pad(allowed, (0, width - allowed.shape[-1]))
    words = padded.view(*padded.shape[:-1], width // 32, 32).long()
    packed = (words << torch.arange(32, device=allowed.device)).sum(-1)
    return torch.where(packed < 2**31, packed, packed - 2**32).to(torch.int32)


def unpack(words: Tensor, width: int) -> Tensor:
    """The inverse of `pack`; bool masks come back as they are."""
    if words.dtype is torch.bool:
        return words
    bits = (words.unsqueeze(-1) >> torch.arange(32, device=words.device, dtype=words.dtype)) & 1
    return bits.flatten(-2)[..., :width].bool()


def mask_rows(masks: Sequence[bytes], width: int) -> Tensor:
    """The decoder's row masks (bytes, least bit first) as `pack` would give them: [n, words]."""
    size = -(-width // 32) * 4
    whole = b"".join(mask[:size].ljust(size, b"\0") for mask in masks)
    words = torch.frombuffer(bytearray(whole), dtype=torch.int32) if whole else torch.empty(0)
    return words.to(torch.int32).view(len(masks), -1 if masks else size // 4)


class _Energy(torch.autograd.Function):
    """Recomputes each chunk in the backward instead of keeping float32 copies of all rows."""

    @staticmethod
    def forward(ctx: FunctionCtx, logits: Tensor, allowed: Tensor, rows: int) -> Tensor:
        ctx.save_for_backward(logits, allowed)
        ctx.rows = rows  # type: ignore[attr-defined]
        return torch.cat(
            [_odds(*chunk)[1] for chunk in _chunks(logits, allowed, rows)] or [logits.new_zeros(0)]
        )

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """dE/dl_v = p_v for v outside A, and -(p_v / Z_A) (1 - Z_A) inside: no factor exceeds 1."""
        logits, allowed = ctx.saved_tensors
        out = torch.empty_like(logits)
        for at, (some, mask) in zip(
            range(0, logits.shape[0], ctx.rows), _chunks(logits, allowed, ctx.rows), strict=True
        ):
            odds, _ = _odds(some, mask)
            nats = some.float()
            inside = nats.masked_fill(~mask, float("-inf")).softmax(-1)
            grad = torch.where(mask, -inside * odds.sigmoid().unsqueeze(-1), nats.softmax(-1))
            grad = grad.masked_fill(~mask.any(-1, keepdim=True), 0.0)
            out[at : at + ctx.rows] = grad * grads[0][at : at + ctx.rows].unsqueeze(-1)
        return out, None, None


def _chunks(logits: Tensor, allowed: Tensor, rows: int) -> Any:
    for at in range(0, logits.shape[0], rows):
        some = logits[at : at + rows]
        yield some, unpack(allowed[at : at + rows], some.shape[-1])


def _odds(logits: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """log((1 - Z_A)/Z_A), and E = log(1 + that odds): no difference of two large numbers."""
    nats = logits.float()
    inside = nats.masked_fill(~mask, float("-inf")).logsumexp(-1)
    outside = nats.masked_fill(mask, float("-inf")).logsumexp(-1)
    dead = ~mask.any(-1)
    odds = (outside - inside).masked_fill(dead, float("-inf"))
    return odds, softplus(odds)
