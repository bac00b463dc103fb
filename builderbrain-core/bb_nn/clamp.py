"""The clamp that gives alpha its meaning: a rail's delta is never longer than the state it enters.

Without it a cap on alpha caps nothing: halving alpha and doubling the rail's last weights leaves
the function as it was. It bounds activations; what the model then says it does not bound.
"""

import torch
from torch import Tensor

_TINY = 1e-12  # its square is still a normal fp32 number, so the gradient at delta = 0 is finite


def clamp(delta: Tensor, state: Tensor, rho: float | None) -> Tensor:
    """delta * min(1, rho |state| / |delta|), norms over the last axis; rho = None: delta as it is.

    So |clamp(delta)| <= rho |state| for every finite delta, whatever the weights behind it.
    """
    return delta if rho is None else delta * _shrink(delta, state, rho)


def _shrink(delta: Tensor, state: Tensor, rho: float) -> Tensor:
    """min(1, rho |state| / |delta|); in float64, where no square of an fp32 number overflows."""
    share = rho * _norm(state) / _norm(delta).clamp_min(_TINY)
    return share.clamp_max(1.0).to(delta.dtype)


def _norm(vectors: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True, dtype=torch.float64)
    return length


def enter(state: Tensor, delta: Tensor, alpha: Tensor, rho: float | None) -> Tensor:
    """h + alpha * clamp(delta), in the state's own type: |h' - h| <= alpha rho |h|.

    In half precision the sum is taken in fp32 and held to what the type can say, so that a finite
    state stays finite; the bound is then that of the sum before it is rounded, which moves it by
    up to 2^-9 |h'| in bfloat16 and 2^-11 |h'| in float16.
    """
    delta = delta.to(torch.promote_types(delta.dtype, torch.float32))  # fp16 cannot say the share
    share = alpha if rho is None else alpha * _shrink(delta, state, rho)
    step: Tensor = share * delta
    if torch.finfo(state.dtype).bits >= torch.finfo(torch.float32).bits:
        return state + step.to(state.dtype)
    most = torch.finfo(state.dtype).max
    return (state.to(step.dtype) + step).clamp(-most, most).to(state.dtype)


def moved(after: Tensor, before: Tensor) -> Tensor:
    """|h' - h| / |h| for each token: what a rail really did to the stream."""
    return (_norm(after.double() - before.double()) / _norm(before)).squeeze(-1).float()
