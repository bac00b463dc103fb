"""A bank of skills: one small low-rank change of a projection each (LoRA, arXiv 2106.09685)."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bb_nn.errors import RailError
from bb_nn.programs.low_rank import chosen, mixed


class SkillBank(nn.Module):
    """Delta_z x = scale * B_z A_z x, added by the caller to the output of a projection of x.

    A_k [rank, d_in] is random and B_k [d_out, rank] is 0 at birth, so a new skill changes nothing.
    Every skill has its own two tensors: one can be added, removed, hashed or frozen alone, and an
    optimiser step on a batch that uses some skills leaves the others' bits as they were.
    """

    def __init__(self, n: int, d_in: int, d_out: int, rank: int = 8, *, scale: float = 1.0) -> None:
        super().__init__()
        self.d_in, self.d_out, self.rank, self.scale = d_in, d_out, rank, scale
        self.down = nn.ParameterList()
        self.up = nn.ParameterList()
        for _ in range(n):
            self.grow()

    def __len__(self) -> int:
        return len(self.down)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """[B, T, d_out] for x [B, T, d_in].

        z: long [B] or [B, T], the skill of each sequence or position, -1 for none (adds 0); or
        float [B, n] or [B, T, n], a weight for every skill (all are computed, all get gradients).
        Raises RailError for a z that is neither.
        """
        if weighs(z, len(self)):
            return self.scale * mixed(x, z, *self._stacked(range(len(self))))
        rows, local = used(z)
        if not rows:
            return x.new_zeros(*x.shape[:-1], self.d_out)
        return self.scale * chosen(x, local, *self._stacked(rows))

    def delta(self, k: int) -> Tensor:
        """Delta_k as a matrix, [d_out, d_in]."""
        matrix: Tensor = self.scale * self.up[k] @ self.down[k]
        return matrix

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of one skill's tensors."""
        return {"down": (self.rank, self.d_in), "up": (self.d_out, self.rank)}

    @property
    def dtype(self) -> torch.dtype | None:
        """The type of the skills' tensors; None where there is no skill."""
        return self.down[0].dtype if len(self) else None

    def tensors(self, k: int) -> dict[str, Tensor]:
        """What makes skill k, as it stands: `down` and `up`."""
        return {"down": self.down[k].detach(), "up": self.up[k].detach()}

    def newborn(self) -> dict[str, Tensor]:
        """The tensors of a skill that changes nothing yet; the bank is as before."""
        like = self.down[0].detach() if len(self) else torch.empty(0)
        down = like.new_empty(self.rank, self.d_in)
        nn.init.kaiming_uniform_(down, a=math.sqrt(5))
        return {"down": down, "up": like.new_zeros(self.d_out, self.rank)}

    def grow(self, given: Mapping[str, Tensor] | None = None) -> int:
        """Add a skill and give its index; its tensors are copies of those given, else newborn."""
        made = given or self.newborn()
        self.down.append(self._own(made["down"]))
        self.up.append(self._own(made["up"]))
        return len(self) - 1

    def put(self, k: int, given: Mapping[str, Tensor]) -> None:
        """Exchange skill k's tensors for copies of those given; its old ones stay as they are."""
        self.down[k] = self._own(given["down"])
        self.up[k] = self._own(given["up"])

    def drop(self, k: int) -> None:
        """Remove skill k; the skills behind it move up by one."""
        self.down = nn.ParameterList(p for i, p in enumerate(self.down) if i != k)
        self.up = nn.ParameterList(p for i, p in enumerate(self.up) if i != k)

    def _own(self, given: Tensor) -> nn.Parameter:
        """A copy of a tensor on the device of the others."""
        device = self.down[0].device if len(self.down) else given.device
        return nn.Parameter(given.detach().to(device, copy=True))

    def _stacked(self, rows: range | list[int]) -> tuple[Tensor, Tensor]:
        """The matrices of these skills only: the others stay out of the graph."""
        return torch.stack([self.down[k] for k in rows]), torch.stack([self.up[k] for k in rows])


def weighs(z: Tensor, n: int) -> bool:
    """Whether z weighs n skills, [..., n] of a float type, or names one, [B] or [B, T] of integers;
    raises RailError for what is neither."""
    if z.is_floating_point() and z.dim() in (2, 3) and z.shape[-1] == n:
        return True
    if z.dim() in (1, 2) and not (z.is_floating_point() or z.is_complex() or z.dtype == torch.bool):
        return False
    raise RailError(
        f"skills {tuple(z.shape)} of {z.dtype} for a bank of {n}",
        where="skill",
        fix=f"give whole numbers [B] or [B, T], or float weights [B, {n}] or [B, T, {n}]",
    )


def used(z: Tensor) -> tuple[list[int], Tensor]:
    """The skills z names, ascending, and z renumbered to them (-1 stays -1)."""
    values, local = torch.unique(z, return_inverse=True)
    used = [int(v) for v in values if v >= 0]
    return used, local - (len(values) - len(used))
