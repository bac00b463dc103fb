"""Low-rank deltas inside the base's own path: on its projections, gated like the rail.

A projection is called with its input only, so the attention module of its layer, which does get
the call's `rail_ctx`, hands it on at the start of each call. Between threads that is not safe; a
call that finds another thread's context raises instead of computing with it.
"""

import math
import threading
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bb_nn.errors import RailError

_ATTENTION = ("self_attn", "attention", "attn")


class PathContext(Protocol):
    """A call that also bends projections; `thread` is the one it runs in."""

    thread: int

    def bend(self, layer: int, name: str, given: Tensor, out: Tensor) -> Tensor:
        """The projection's output to go on with."""


class LowRank(nn.Module):
    """B A x with A [r, d_in] random and B [d_out, r] zero at birth (LoRA, arXiv 2106.09685)."""

    def __init__(self, d_in: int, d_out: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, d_in))
        self.up = nn.Parameter(torch.zeros(d_out, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """[..., d_out] for x [..., d_in], in the delta's own type."""
        return nn.functional.linear(nn.functional.linear(x.to(self.up.dtype), self.down), self.up)


def projections(layer: nn.Module, names: tuple[str, ...]) -> dict[str, nn.Module]:
    """The named linear projections of one decoder layer; raises RailError for one it has not."""
    found = {}
    for path, module in layer.named_modules():
        name = path.rpartition(".")[2]
        if name in names and getattr(module, "weight", None) is not None:
            found[name] = module
    for name in names:
        if name not in found:
            linear = sorted({p for p, m in layer.named_modules() if isinstance(m, nn.Linear)})
            raise RailError(
                f"no projection {name!r}", where=type(layer).__name__, fix=f"it has {linear}"
            )
    return found


def path_deltas(layer: nn.Module, names: tuple[str, ...], rank: int) -> nn.ModuleDict:
    """A delta for each named projection of a decoder layer."""
    return nn.ModuleDict(
        {
            name: LowRank(_width(module, "in"), _width(module, "out"), rank)
            for name, module in projections(layer, names).items()
        }
    )


def install_path(layer: nn.Module, index: int, names: tuple[str, ...]) -> None:
    """Hook one layer's projections and their attention module, if they are not hooked yet."""
    attention = next((getattr(layer, a) for a in _ATTENTION if hasattr(layer, a)), None)
    if attention is None:
        raise RailError("no attention module", where=type(layer).__name__, fix="leave in_path out")
    if getattr(attention, "bb_bent", None) is None:
        attention.bb_bent = {}
        attention.register_forward_pre_hook(_hand_on, with_kwargs=True)
    for name, module in projections(layer, names).items():
        if name not in attention.bb_bent:
            attention.bb_bent[name] = module
            module.bb_place = (index, name)  # type: ignore[assignment]
            module.bb_call = None  # type: ignore[assignment]
            module.register_forward_hook(_bend)


def _width(module: Any, side: str) -> int:
    return int(getattr(module, f"{side}_features"))


def _hand_on(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
    """Give this call's context, or its absence, to the layer's projections."""
    call = kwargs.get("rail_ctx")
    for projection in module.bb_bent.values():
        projection.bb_call = call if hasattr(call, "bend") else None


def _bend(module: Any, args: tuple[Tensor, ...], out: Tensor) -> Tensor | None:
    call: PathContext | None = module.bb_call
    if call is None:
        return None
    module.bb_call = None
    if not torch.compiler.is_compiling() and call.thread != threading.get_ident():
        raise RailError(
            "two threads call one base with in-path deltas", fix="give each thread its own base"
        )
    layer, name = module.bb_place
    return call.bend(layer, name, args[0], out)
