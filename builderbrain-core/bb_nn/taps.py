"""Taps: how a rail sees and moves a base's states without being part of the base.

One module-level function is hooked on each decoder layer, once. It does nothing unless a call
brings a `rail_ctx`, so any number of rails share a base, the base's parameters keep their names,
and copies, pickles and compiled graphs of it stay their own.
"""

import threading
from typing import Any, Protocol

from torch import Tensor, nn

from bb_nn.errors import RailError

_INSTALLING = threading.Lock()  # two threads that find a layer bare would hook it twice


class RailContext(Protocol):
    """What a call brings along: it sees each layer's output and may replace it."""

    def visit(self, layer: int, state: Tensor) -> Tensor | None:
        """The state to go on with, or None to leave it."""


class Reading:
    """A context that only looks: the outputs of the layers asked for, by layer."""

    def __init__(self, layers: tuple[int, ...]) -> None:
        self.layers = frozenset(layers)
        self.states: dict[int, Tensor] = {}

    def visit(self, layer: int, state: Tensor) -> None:
        """Keep the state of a layer that was asked for."""
        if layer in self.layers:
            self.states[layer] = state


class Trial(Reading):
    """Reading that also notes which projections are called, and leaves them."""

    def __init__(self, layers: tuple[int, ...]) -> None:
        super().__init__(layers)
        self.bent: set[tuple[int, str]] = set()

    def bend(self, layer: int, name: str, given: Tensor, out: Tensor) -> Tensor:
        """Note the projection."""
        self.bent.add((layer, name))
        return out


def is_tapped(layers: nn.ModuleList) -> bool:
    """Whether the tap is on these layers already."""
    return any(getattr(layer, "bb_layer", None) is not None for layer in layers)


def install(layers: nn.ModuleList) -> None:
    """Hook the tap on every layer, if it is not there yet.

    It goes before other hooks, so that `output_hidden_states` shows what the next layer sees.
    """
    with _INSTALLING:
        for index, layer in enumerate(layers):
            if getattr(layer, "bb_layer", None) is None:
                layer.bb_layer = index  # type: ignore[assignment]
                layer.register_forward_hook(_tap, with_kwargs=True, prepend=True)


def _tap(module: nn.Module, args: Any, kwargs: dict[str, Any], out: Any) -> Any:
    ctx: RailContext | None = kwargs.get("rail_ctx")
    if ctx is None:
        return None
    if not isinstance(out, Tensor):
        raise RailError(
            f"a decoder layer returns a {type(out).__name__}, not one tensor",
            where=type(module).__name__,
            fix="use another base",
        )
    return ctx.visit(module.bb_layer, out)  # type: ignore[arg-type]
