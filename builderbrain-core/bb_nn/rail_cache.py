"""The rail's state in the base's key-value cache: one layer more for each tap, of constant size.

It lives there so that beam search reorders it, static caches keep its address and `generate` needs
to know nothing. A recurrence cannot be taken back: `crop` refuses.
"""

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, LinearAttentionLayer

from bb_nn.errors import RailError

_EMPTY = "start with an empty cache"
_PARTS = 3  # the recurrence, the window's keys and values, which of them are absent


class RailState(LinearAttentionLayer):
    """What one tap remembers: (s [B, r], pairs [B, w-1, 2r], absent [B, w-1]).

    `owner` is the key of the rail that wrote it; `behind`: the base has read tokens without it.
    """

    is_croppable = False

    def __init__(self, owner: str) -> None:
        super().__init__(number_of_states=_PARTS)
        self.owner, self.behind = owner, False

    @property
    def is_empty(self) -> bool:
        """Whether it has read no token."""
        return not self.has_previous_state[0]

    def read(self) -> tuple[Tensor, ...] | None:
        """The three parts, or None before the first token; with gradients, copies that last."""
        if self.is_empty:
            return None
        states: Any = self.recurrent_states
        found = tuple(states[part] for part in range(_PARTS))
        return tuple(part.clone() for part in found) if torch.is_grad_enabled() else found

    def write(self, parts: tuple[Tensor, ...]) -> None:
        """Keep the parts for the next token, at the same address; no gradient passes."""
        kept: Any = self
        kept.device = parts[0].device
        for part, value in enumerate(parts):
            self.update_recurrent_state(value.detach(), part)
            self.has_previous_state[part] = True

    def reset(self) -> None:
        """Forget all; any rail may write it then."""
        super().reset()
        self.behind = False

    def crop(self, tokens_to_remove: int) -> None:
        """Refuse: a recurrence forgets what it was before."""
        raise RailError(
            "a rail's state cannot be cropped", fix="start a new cache, or use model.base_only()"
        )

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Each row `repeats` times."""
        self._each(lambda state: state.repeat_interleave(repeats, dim=0))

    def batch_select_indices(self, indices: Tensor) -> None:
        """These rows only."""
        self._each(lambda state: state[indices])

    def _each(self, change: Any) -> None:
        for part, state in self.recurrent_states.items():
            if state is not None:
                self.recurrent_states[part] = change(state)


def rail_states(cache: Any, depth: int, taps: int, owner: str) -> list[RailState]:
    """The rail's layers of a base cache of `depth` layers, added if they are not there yet.

    Raises RailError where the cache holds tokens that no rail, or another one, has seen.
    """
    if not isinstance(cache, Cache):
        found = f"past_key_values is a {type(cache).__name__}"
        raise RailError(found, fix="give a transformers Cache")
    if cache.layer_class_to_replicate is not None:
        while len(cache.layers) < depth:
            cache.layers.append(cache.layer_class_to_replicate())
    if len(cache.layers) == depth:
        if cache.get_seq_length() > 0:
            raise _unread()
        cache.layers.extend(RailState(owner) for _ in range(taps))
    states = [layer for layer in cache.layers[depth:] if isinstance(layer, RailState)]
    if not len(states) == taps == len(cache.layers) - depth:
        raise RailError(
            f"the cache was written by another rail: {len(states)} layers over {depth}, not {taps}",
            fix=_EMPTY,
        )
    for state in states:
        _take(state, owner)
    return states


def passed_by(cache: Any) -> None:
    """Note that the base reads on alone: what a rail remembers of the cache's text is old then."""
    for layer in getattr(cache, "layers", ()):
        if isinstance(layer, RailState):
            layer.behind = True


def _take(state: RailState, owner: str) -> None:
    if state.behind:
        raise _unread()
    if state.owner != owner and not state.is_empty:
        raise RailError("the cache was written by another rail", fix=_EMPTY)
    state.owner = owner


def _unread() -> RailError:
    fix = f"{_EMPTY}, or go on in base_only()"
    return RailError("the cache holds tokens that the rail has not read", fix=fix)
