"""Gradient surgery at a shared representation: K small gradients, one backward through the trunk.

Every loss is differentiated with respect to the shared tensor only; the K gradients are combined
there and the combination goes down into the trunk. Heads above get the gradient of the plain sum.
It equals surgery on the trunk's parameters only to first order in the trunk's Jacobian, and costs
about one joint backward instead of K.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bb_train.surgery.combine import Method, combine


@dataclass(frozen=True, slots=True)
class Surgery:
    """What the losses' gradients at the shared representation looked like before surgery."""

    names: tuple[str, ...]
    cosines: tuple[tuple[float, ...], ...]
    norms: tuple[float, ...]


def surgery_backward(
    losses: Mapping[str, Tensor],
    shared: Tensor | Sequence[Tensor],
    *,
    method: Method = "pcgrad",
    groups: Sequence[Sequence[str]] | None = None,
    seed: int = 0,
) -> Surgery:
    """Accumulate `.grad` of everything below the losses; call it in place of `sum(losses).backward()`.

    losses: scalars, already priced by their multipliers. shared: the tensor(s) of the graph the
    losses meet at (e.g. the scene memory [B, T, d]); not leaves. groups: names summed before
    surgery, e.g. [["task"], ["cfs", "kl"]]; None: every loss by itself. seed: PCGrad's order.
    """
    raise NotImplementedError
