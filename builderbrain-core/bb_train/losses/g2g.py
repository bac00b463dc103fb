"""The call graph against the gold one: nodes, edges to earlier nodes, arguments."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from bb_train.losses.task import kept_mean


@dataclass(frozen=True, slots=True)
class G2G:
    """The graph loss and its parts, scalars in nats."""

    total: Tensor
    nodes: Tensor
    edges: Tensor
    arguments: Tensor


def g2g_loss(
    nodes: Tensor,
    gold_nodes: Tensor,
    edges: Tensor,
    gold_edges: Tensor,
    keep: Tensor,
    arguments: Tensor | None = None,
    beta: float = 1.0,
) -> G2G:
    """CE(z_i) + beta BCE_bal(e_ji, j < i) + CE(args), each a mean.

    nodes [B, N, K] skill logits, gold_nodes [B, N]; edges [B, N, N] logits of j -> i at [b, i, j],
    gold_edges the same of bool; keep [B, N]: real nodes, in canonical order. arguments: the mean CE
    of the argument heads, already a scalar. Only j < i counts, so no cycle can be predicted and
    the gradient elsewhere is 0. Balanced: edges and non-edges weigh half each, however rare.
    """
    flat = cross_entropy(nodes.float().flatten(0, 1), gold_nodes.flatten(), reduction="none")
    node_nats = kept_mean(flat, keep.flatten())
    edge_nats = _balanced(edges, gold_edges, keep)
    argument_nats = nodes.new_zeros(()) if arguments is None else arguments
    return G2G(node_nats + beta * edge_nats + argument_nats, node_nats, edge_nats, argument_nats)


def _balanced(edges: Tensor, gold: Tensor, keep: Tensor) -> Tensor:
    real = (keep.unsqueeze(-1) & keep.unsqueeze(-2)).tril(-1)
    # Logits outside may be -inf; they must not reach the loss, not even times 0.
    nats = binary_cross_entropy_with_logits(
        edges.float().masked_fill(~real, 0.0), gold.float(), reduction="none"
    )
    there, absent = real & gold, real & ~gold
    present = [kept_mean(nats, some) for some in (there, absent) if bool(some.any())]
    return torch.stack(present).mean() if present else edges.sum() * 0.0
