"""The gates: how far a rail may enter the base, under one budget for all of them.

Gates are plain parameters, since a sigmoid never reaches zero. A gate at zero is a branch not
taken, not a product with zero: infinities and NaN behind it cannot leak.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from bb_nn.errors import RailError

_ANEW = "set_ them, or load the rail again"
_STEPS = 80  # of bisection in float64: to the last bit
_SLACK = 1e-7  # a mean this close to the cap is under it, so that projecting twice changes nothing


def project(alpha: Tensor, cap: float) -> Tensor:
    """argmin |a - alpha| over {a in [0, 1]^n : mean a <= cap}: a = clip(alpha - tau, 0, 1).

    tau >= 0 is found by bisection. (Wang & Lu 2015, projection onto the capped simplex.) Raises
    RailError for a gate that is no finite number: no point is the nearest to it.
    """
    wide = alpha.detach().double()
    if not bool(wide.isfinite().all()):
        raise RailError(f"gates {alpha.tolist()}", where="gates", fix=_ANEW)
    if float(wide.clamp(0, 1).mean()) <= cap + _SLACK:
        return wide.clamp(0, 1).to(alpha.dtype)
    low, high = 0.0, float(wide.max())
    for _ in range(_STEPS):
        tau = (low + high) / 2
        if float((wide - tau).clamp(0, 1).mean()) > cap:
            low = tau
        else:
            high = tau
    return (wide - high).clamp(0, 1).to(alpha.dtype)


def require_gates(alpha: Tensor, cap: float, where: str = "gates") -> None:
    """Raise RailError unless gates are finite, in [0, 1] and, as far as their type can say it, of a
    mean under the cap."""
    slack = torch.finfo(alpha.dtype).eps if alpha.is_floating_point() else 0.0
    wide = alpha.detach().double()
    fits = wide.numel() and wide.min() >= 0 and wide.max() <= 1
    if not (fits and wide.mean() <= cap + _SLACK + slack):
        found = f"gates {alpha.tolist()} under a cap of {cap}"
        raise RailError(found, where=where, fix="project_ the gates, then save them")


class Gates(nn.Module):
    """n gates [n] in [0, 1] whose mean is at most `cap`; call `project_` after optimiser steps.

    Closed gates (exactly 0) are skipped; in training under a positive cap they are multiplied
    instead, since a branch not taken has no gradient and could never open again.

    Which are closed is read again after anything wrote them that torch counts as a write. Not
    after `alpha.data` was written, nor by a compiled model: call `set_`, `project_` or `train`.
    """

    def __init__(self, count: int, alpha: float, cap: float) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.full((count,), float(alpha)))
        self.cap = cap
        self._open: tuple[bool, ...] = (alpha > 0,) * count
        self._seen: tuple[int, int] | None = None

    def __len__(self) -> int:
        return self.alpha.shape[0]

    def live(self) -> tuple[bool, ...]:
        """Which gates are passed through in this call."""
        if self.training and self.cap > 0:
            return (True,) * len(self)
        if not torch.compiler.is_compiling():
            self._refresh()
        return self._open

    def is_shut(self) -> bool:
        """Whether no gate is passed: the model is then its base."""
        return not any(self.live())

    def set_(self, alpha: float | Tensor, cap: float | None = None) -> None:
        """Write all gates, under a new cap if one is given; refuses what the cap does not allow."""
        wanted = torch.as_tensor(alpha, dtype=torch.float64)
        if wanted.shape not in ((), (1,), (len(self),)):
            raise RailError(f"{tuple(wanted.shape)} gates for {len(self)}", fix="give one, or each")
        wanted = wanted.expand(len(self))
        cap = self.cap if cap is None else cap
        fits = wanted.min() >= 0 and wanted.max() <= 1 and wanted.mean() <= cap + _SLACK
        if not (0 <= cap <= 1 and fits):
            raise RailError(
                f"gates {wanted.tolist()} under a cap of {cap}", fix="raise the cap, or set less"
            )
        self.cap = cap
        self._write(wanted)

    def project_(self) -> None:
        """Bring the gates back under the cap, by the nearest point."""
        self._write(project(_whole(self.alpha), self.cap))

    @torch.no_grad()
    def _write(self, values: Tensor) -> None:
        values = values.to(device=self.alpha.device, dtype=self.alpha.dtype)
        self.alpha.copy_(_like(values, self.alpha))
        self._look(values)

    def train(self, mode: bool = True) -> "Gates":
        """As in torch; the gates are read again."""
        super().train(mode)
        self._look(_whole(self.alpha))
        return self

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """As in torch, but gates that the cap does not allow are refused before they are copied."""
        given = state_dict.get(f"{prefix}alpha")
        if isinstance(given, Tensor) and not given.is_meta and given.shape == self.alpha.shape:
            require_gates(_whole(given), self.cap)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        self._look(_whole(self.alpha))

    def _refresh(self) -> None:
        """Read the gates again only if something wrote them: reading stops a GPU."""
        if self._seen is None or self._seen != _version(self.alpha):
            self._look(_whole(self.alpha))

    def _look(self, values: Tensor) -> None:
        """Note which gates are open; raises RailError where one is not a number."""
        if values.is_meta:
            return
        read = values.tolist()
        if any(math.isnan(value) for value in read):
            raise RailError(f"gates {read}", where="gates", fix=_ANEW)
        self._open = tuple(value > 0 for value in read)
        self._seen = _version(self.alpha)


def _version(alpha: Tensor) -> tuple[int, int] | None:
    """What changes with every write; None for a tensor that counts none."""
    return None if alpha.is_inference() else (id(alpha), alpha._version)


def _whole(alpha: Tensor) -> Tensor:
    """The gates of all ranks, where they are sharded."""
    from torch.distributed.tensor import DTensor

    return alpha.full_tensor() if isinstance(alpha, DTensor) else alpha


def _like(values: Tensor, alpha: Tensor) -> Tensor:
    """The values laid out over the ranks as the gates are."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(alpha, DTensor):
        return values
    return distribute_tensor(values, alpha.device_mesh, alpha.placements)
