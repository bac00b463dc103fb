"""How far the fused model has moved from its frozen base, per token."""

from torch import Tensor

from bb_train.losses.cfs_energy import unpack
from bb_train.losses.task import kept_mean


def kl_budget(
    fused: Tensor, base: Tensor, allowed: Tensor | None = None, keep: Tensor | None = None
) -> Tensor:
    """(1/n) sum_t sum_v p_fused(v) (log p_fused(v) - log p_base(v)), nats a token.

    fused, base [..., V]: logits; the base gives no gradient. allowed: the grammar's mask, bool or
    packed, for strict channels: both are compared after it, or the mask would eat the budget.
    Dead rows (nothing allowed) and rows not kept do not count.
    """
    p, q = fused.float(), base.detach().float()
    live = keep
    if allowed is not None:
        mask = unpack(allowed, p.shape[-1])
        alive = mask.any(-1)
        live = alive if keep is None else alive & keep
        open_rows = mask | ~alive.unsqueeze(-1)
        p, q = (x.masked_fill(~open_rows, float("-inf")) for x in (p, q))
    log_p, log_q = p.log_softmax(-1), q.log_softmax(-1)
    # Where the mask forbids a token both are -inf; its share is 0, not NaN.
    gap = (log_p - log_q).masked_fill(log_p == float("-inf"), 0.0)
    return kept_mean((log_p.exp() * gap).sum(-1), live)
