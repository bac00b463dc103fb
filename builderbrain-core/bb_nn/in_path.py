"""Low-rank deltas inside the base's own path: on its projections, gated like the rail.

A projection is called with its input only, so its layer, which does get the call's `rail_ctx`,
leaves that for it in the thread that the call runs in. The attention module does so once more:
where a layer is recomputed for its gradients, no hook of the layer itself is called.

Not covered: a hook that calls another base with deltas from within a layer; what is left of that
layer goes on without its own.
"""

import math
import threading
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bb_nn.errors import RailError

_ATTENTION = ("self_attn", "attention", "attn")
_HERE = threading.local()  # its `call`: the context of the call that this thread is in


class PathContext(Protocol):
    """A call that also bends projections."""

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


def projections(layer: nn.Module, names: tuple[str, ...]) -> dict[str, str]:
    """Where one decoder layer has the named linear projections, as paths from it; raises RailError
    for one that it has not, and for one that several have (experts, say): which would be meant?"""
    linear = {
        path: module
        for path, module in layer.named_modules()
        if hasattr(module, "in_features") and getattr(module, "weight", None) is not None
    }
    return {name: _only(name, sorted(linear), type(layer).__name__) for name in names}


def _only(name: str, paths: list[str], where: str) -> str:
    """The one path that ends in a name."""
    found = [path for path in paths if path.rpartition(".")[2] == name]
    if not found:
        raise RailError(f"no projection {name!r}", where=where, fix=f"it has {paths}")
    if len(found) > 1:
        fix = "name projections that a layer has once"
        raise RailError(f"{name!r} names {len(found)} projections: {found}", where=where, fix=fix)
    return found[0]


def path_deltas(layer: nn.Module, names: tuple[str, ...], rank: int) -> nn.ModuleDict:
    """A delta for each named projection of a decoder layer."""
    return nn.ModuleDict(
        {
            name: LowRank(*_widths(layer.get_submodule(path)), rank)
            for name, path in projections(layer, names).items()
        }
    )


def install_path(layer: nn.Module, index: int, names: tuple[str, ...]) -> None:
    """Hook one layer, its attention and its projections, if they are not hooked yet."""
    attention: Any = next((getattr(layer, a) for a in _ATTENTION if hasattr(layer, a)), None)
    if attention is None:
        raise RailError("no attention module", where=type(layer).__name__, fix="leave in_path out")
    if not hasattr(attention, "bb_hands_on"):
        attention.bb_hands_on = True
        layer.register_forward_pre_hook(_enter, with_kwargs=True)
        layer.register_forward_hook(_leave)
        attention.register_forward_pre_hook(_again, with_kwargs=True)
    for name, path in projections(layer, names).items():
        module: Any = layer.get_submodule(path)
        if not hasattr(module, "bb_place"):
            module.bb_place = (index, name)
            module.register_forward_hook(_bend)


def _widths(module: Any) -> tuple[int, int]:
    return int(module.in_features), int(module.out_features)


def _enter(layer: Any, args: Any, kwargs: dict[str, Any]) -> None:
    """Leave this call's context, or its absence, for the layer's projections."""
    call = kwargs.get("rail_ctx")
    _HERE.call = call if hasattr(call, "bend") else None


def _again(attention: Any, args: Any, kwargs: dict[str, Any]) -> None:
    """Leave the context of a layer that is recomputed; not every family gives it its attention."""
    if hasattr(kwargs.get("rail_ctx"), "bend"):
        _HERE.call = kwargs["rail_ctx"]


def _leave(layer: Any, args: Any, out: Any) -> None:
    _HERE.call = None


def _bend(module: Any, args: tuple[Tensor, ...], out: Tensor) -> Tensor | None:
    call: PathContext | None = getattr(_HERE, "call", None)
    if call is None:
        return None
    layer, name = module.bb_place
    return call.bend(layer, name, args[0], out)
