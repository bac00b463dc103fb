"""The rail's state in the base's key-value cache: one layer more for each tap, of constant size.

It lives there so that beam search reorders it, static caches keep its address and `generate` needs
to know nothing. A recurrence cannot be taken back: `crop` refuses.
"""

from typing import Any

from torch import Tensor
from transformers.cache_utils import LinearAttentionLayer

from bb_nn.errors import RailError

_PARTS = 3  # the recurrence, the window's keys and values, which of them are absent


class RailState(LinearAttentionLayer):
    """What one tap remembers: (s [B, r], pairs [B, w-1, 2r], absent [B, w-1])."""

    is_croppable = False

    def __init__(self) -> None:
        super().__init__(number_of_states=_PARTS)

    def read(self) -> tuple[Tensor, ...] | None:
        """The three parts, or None before the first token."""
        if not self.has_previous_state[0]:
            return None
        states: Any = self.recurrent_states
        return tuple(states[part] for part in range(_PARTS))

    def write(self, parts: tuple[Tensor, ...]) -> None:
        """Keep the parts for the next token, at the same address; no gradient passes."""
        kept: Any = self
        kept.device = parts[0].device
        for part, value in enumerate(parts):
            self.update_recurrent_state(value.detach(), part)
            self.has_previous_state[part] = True

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


def rail_states(cache: Any, depth: int, taps: int) -> list[RailState]:
    """The rail's layers of a base cache of `depth` layers, added if they are not there yet.

    Raises RailError where the cache holds tokens that no rail, or another one, has seen.
    """
    if cache.layer_class_to_replicate is not None:
        while len(cache.layers) < depth:
            cache.layers.append(cache.layer_class_to_replicate())
    if len(cache.layers) == depth:
        if cache.get_seq_length() > 0:
            raise RailError(
                "the cache holds tokens that the rail has not read",
                fix="start with an empty cache, or go on in base_only()",
            )
        cache.layers.extend(RailState() for _ in range(taps))
    found = cache.layers[depth:]
    if len(found) != taps or not all(isinstance(layer, RailState) for layer in found):
        raise RailError(
            f"the cache was written by another rail: {len(found)} layers over {depth}, not {taps}",
            fix="start with an empty cache",
        )
    return list(found)
