"""How often each skill is chosen, and what is done with one that no longer is."""

import torch
from torch import Tensor, nn

from bb_nn.programs.router import Router

DEAD = 1e-3


class Usage(nn.Module):
    """EMA of the share of choices: m <- decay m + (1 - decay) mean z. Sums to 1; uniform at birth.

    Saved with the model, so a resumed run sees the same dead skills.
    """

    share: Tensor

    def __init__(self, n: int, decay: float = 0.99) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("share", torch.full((n,), 1.0 / n))

    @torch.no_grad()
    def update(self, weights: Tensor) -> None:
        """Count a batch of choices, weights [..., n]."""
        mean = weights.reshape(-1, weights.shape[-1]).mean(0).to(self.share.dtype)
        self.share.lerp_(mean, 1 - self.decay)

    def dead(self, below: float = DEAD) -> list[int]:
        """The skills chosen less often than this."""
        return [int(k) for k in torch.nonzero(self.share < below).flatten()]


@torch.no_grad()
def restart(
    router: Router, usage: Usage, states: Tensor, generator: torch.Generator | None = None
) -> list[int]:
    """Point each dead skill at a state of the batch, and give the skills it restarted.

    W_k becomes the direction of a random state [B, width] at the mean row norm, b_k the mean bias,
    and the usage restarts at 1/n: the code gets a new chance where the data is (VQ-VAE practice).
    """
    dead = usage.dead()
    if not dead:
        return []
    weight, bias = router.head.weight, router.head.bias
    pick = torch.randint(len(states), (len(dead),), generator=generator).to(states.device)
    direction = torch.nn.functional.normalize(states[pick].to(weight.dtype), dim=-1)
    weight[dead] = direction * weight.norm(dim=-1).mean()
    bias[dead] = bias.mean()
    usage.share[dead] = 1.0 / len(usage.share)
    usage.share /= usage.share.sum()
    return dead
