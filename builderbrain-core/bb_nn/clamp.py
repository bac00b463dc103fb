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
    if rho is None:
        return delta
    room = rho * _norm(state.to(delta.dtype))
    return delta * (room / _long(delta).clamp_min(_TINY)).clamp_max(1.0)


def _norm(vectors: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return length


def _long(delta: Tensor) -> Tensor:
    """|delta|, scaled by its largest entry first, so that squares of large weights stay finite."""
    largest = delta.detach().abs().amax(dim=-1, keepdim=True).clamp_min(1.0)
    return _norm(delta / largest) * largest


def enter(state: Tensor, delta: Tensor, alpha: Tensor, rho: float | None) -> Tensor:
    """h + alpha * clamp(delta), in the state's own type: |h' - h| <= alpha rho |h|."""
    mixed: Tensor = state + (alpha * clamp(delta, state, rho)).to(state.dtype)
    return mixed


def moved(after: Tensor, before: Tensor) -> Tensor:
    """|h' - h| / |h| for each token: what a rail really did to the stream."""
    return (_norm((after - before).float()) / _norm(before.float())).squeeze(-1)
