"""Gradient surgery at a shared representation: K small gradients, one backward through the trunk.

Every loss is differentiated with respect to the shared tensor only; the K gradients are combined
there and the combination goes down into the trunk. Heads above get the gradient of the plain sum.
It equals surgery on the trunk's parameters only to first order in the trunk's Jacobian, and costs
about one joint backward instead of K.

Not covered: a path from the trunk to a loss that goes round the shared tensor gets the plain sum.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bb_train.surgery.combine import Method, combine, cosines

Groups = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Surgery:
    """What the losses' gradients looked like before surgery: names, all cosines, norms.

    Of one loss alone nothing is measured: that would take a second backward.
    """

    names: tuple[str, ...]
    cosines: tuple[tuple[float, ...], ...]
    norms: tuple[float, ...]

    @property
    def conflicts(self) -> float:
        """The share of pairs that point apart (cosine below 0); 0 without a pair."""
        count = len(self.names)
        pairs = [self.cosines[i][j] for i in range(count) for j in range(i)]
        return sum(c < 0 for c in pairs) / len(pairs) if pairs else 0.0


def surgery_backward(
    losses: Mapping[str, Tensor],
    shared: Tensor | Sequence[Tensor],
    *,
    method: Method = "pcgrad",
    groups: Groups | None = None,
    seed: int = 0,
) -> Surgery:
    """Accumulate `.grad` of all below the losses; in place of `sum(losses).backward()`.

    losses: scalars, already priced by their multipliers. shared: the tensor or tensors of the graph
    where the losses meet (e.g. the scene memory [B, T, d]). groups: names summed before surgery,
    e.g. [["task"], ["cfs", "kl"]]; a loss in no group stands alone. seed: PCGrad's order.
    """
    tensors = [shared] if isinstance(shared, Tensor) else list(shared)
    parts = grouped(losses, groups)
    if len(parts) == 1:
        next(iter(parts.values())).backward()  # type: ignore[no-untyped-call]
        return Surgery(tuple(parts), ((1.0,),), (float("nan"),))
    grads = torch.stack([_at(loss, tensors) for loss in parts.values()])
    report = surgery_report(tuple(parts), grads)
    if method != "sum":
        pieces = torch.split(combine(grads, method, seed), [t.numel() for t in tensors])
        hooks = [
            t.register_hook(_replaced_by(piece.view_as(t).to(t.dtype)))  # type: ignore[no-untyped-call]
            for t, piece in zip(tensors, pieces, strict=True)
        ]
    else:
        hooks = []
    try:
        torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
    finally:
        for hook in hooks:
            hook.remove()
    return report


def grouped(losses: Mapping[str, Tensor], groups: Groups | None) -> dict[str, Tensor]:
    """The losses summed by group, named "a+b"; those in no group by themselves."""
    inside = [[name for name in group if name in losses] for group in groups or ()]
    placed = {name for group in inside for name in group}
    rows = [group for group in inside if group] + [[n] for n in losses if n not in placed]
    return {"+".join(row): torch.stack([losses[name] for name in row]).sum() for row in rows}


def surgery_report(names: tuple[str, ...], grads: Tensor) -> Surgery:
    """Cosines and norms of gradients [K, n]."""
    gram = (grads @ grads.T).double()
    rows = tuple(tuple(row) for row in cosines(gram).tolist())
    return Surgery(names, rows, tuple(gram.diagonal().clamp(min=0).sqrt().tolist()))


def _at(loss: Tensor, tensors: list[Tensor]) -> Tensor:
    """The loss's gradient at the shared tensors, flat; zeros where it does not reach."""
    found = torch.autograd.grad(loss, tensors, retain_graph=True, allow_unused=True)
    flat = [torch.zeros_like(t) if g is None else g for t, g in zip(tensors, found, strict=True)]
    return torch.cat([g.reshape(-1).float() for g in flat])


def _replaced_by(grad: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda _: grad
