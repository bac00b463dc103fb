"""Gradient surgery on the parameters themselves: exact, at one backward per loss or group."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from bb_train.surgery.combine import Method, combine
from bb_train.surgery.shared import Groups, Surgery, grouped, surgery_report


def parameter_backward(
    losses: Mapping[str, Tensor],
    parameters: Sequence[Tensor],
    *,
    method: Method = "pcgrad",
    groups: Groups | None = None,
    seed: int = 0,
) -> Surgery:
    """Accumulate into `.grad` of `parameters` the combination of the losses' own gradients.

    Two groups (the task, and the constraints' sum) cost about a third over a joint backward; every
    loss by itself costs one backward each. Other parameters get no gradient.
    """
    parts = grouped(losses, groups)
    rows = []
    for place, loss in enumerate(parts.values()):
        found = torch.autograd.grad(
            loss, parameters, retain_graph=place + 1 < len(parts), allow_unused=True
        )
        flat = [
            (torch.zeros_like(p) if g is None else g).reshape(-1)
            for p, g in zip(parameters, found, strict=True)
        ]
        rows.append(torch.cat(flat))
    grads = torch.stack(rows)
    pieces = torch.split(combine(grads, method, seed), [p.numel() for p in parameters])
    for p, piece in zip(parameters, pieces, strict=True):
        grad = piece.view_as(p).clone()
        p.grad = grad if p.grad is None else p.grad + grad
    return surgery_report(tuple(parts), grads)
