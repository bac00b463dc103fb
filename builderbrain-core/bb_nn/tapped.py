"""The frozen states of a base model over a text: what a builder reads.

The base runs once over each text and stops after the deepest layer asked for; neither the layers
above nor the output head is computed. Texts of similar length share a batch, padded on the right:
a causal model's states never see what comes after them. The padded width may still change their
last bits, as sums are taken in another order.

The states are what the call brought along (`taps`), so threads may read one base at the same time,
and whoever else calls it meanwhile gets its own answer. A base that does not hand a call's keywords
on to its layers is refused.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

from bb_nn.base import Base
from bb_nn.base_adapter import decoder, decoder_layers
from bb_nn.errors import RailError, TooLongError
from bb_nn.taps import Reading, install

_SHOWN = 60
"""Characters of a text in an error."""


@dataclass(frozen=True, slots=True)
class Tapped:
    """One text as the base reads it.

    ids: [T]. offsets: [T, 2], the characters of the text each token covers (start, end).
    states: [T, taps, d] in the base's dtype, after these `layers`; (): nobody said which.
    """

    ids: Tensor
    offsets: Tensor
    states: Tensor
    layers: tuple[int, ...] = ()


class _DeepestReached(Exception):
    """Ends a forward pass once nothing above is needed."""


class _ReadingUpTo(Reading):
    """Reading that ends its own call after the deepest layer asked for."""

    def visit(self, layer: int, state: Tensor) -> None:
        """Keep the state of a layer that was asked for; raises _DeepestReached after the last."""
        super().visit(layer, state)
        if layer == max(self.layers):
            raise _DeepestReached


def default_layers(base: Base) -> tuple[int, ...]:
    """The outputs of the layers at one third and two thirds of the base's depth."""
    depth = len(decoder_layers(base.model))
    return (max(1, depth // 3), max(1, 2 * depth // 3))


def tap(base: Base, texts: Sequence[str], layers: Sequence[int], batch: int = 16) -> list[Tapped]:
    """The states of each text after the given layers; layer 0 is the token embeddings.

    Raises RailError for an empty text, one with half a character in it, no layers, a layer the base
    does not have; TooLongError for a text longer than the base can read: it is never cut.
    """
    if not layers:
        raise RailError("no layers to read", where=base.name, fix="name one, or default_layers")
    depth = len(decoder_layers(base.model))
    for layer in layers:
        if not 0 <= layer <= depth:
            raise RailError(f"no layer {layer}", where=base.name, fix=f"layers are 0 to {depth}")
    encoded = [_encoded(base, text) for text in texts]
    order = sorted(range(len(texts)), key=lambda i: len(encoded[i][0]))
    found: dict[int, Tapped] = {}
    for begin in range(0, len(order), batch):
        rows = order[begin : begin + batch]
        states = _states(base, [encoded[i][0] for i in rows], layers)
        for i, state in zip(rows, states, strict=True):
            ids, offsets = encoded[i]
            found[i] = Tapped(torch.tensor(ids), torch.tensor(offsets), state, tuple(layers))
    return [found[i] for i in range(len(texts))]


def require_whole(text: str, where: str) -> None:
    """Raise RailError where a text holds a lone surrogate: half a character, which no base reads.

    A JSON string with a lone `\\ud800` makes one, and so does a command line that is not UTF-8.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        found = f"character {error.start} is a lone surrogate (U+{ord(text[error.start]):04X})"
        raise RailError(found, where=where, fix="give whole Unicode characters") from None


def _encoded(base: Base, text: str) -> tuple[list[int], list[list[int]]]:
    require_whole(text, base.name)
    found = base.tokenizer(text, return_offsets_mapping=True, verbose=False)
    ids, offsets = list(found["input_ids"]), [list(pair) for pair in found["offset_mapping"]]
    limit = getattr(base.model.config.get_text_config(), "max_position_embeddings", None)
    if not ids:
        raise RailError("an empty text has no states", where=base.name, fix="give a request")
    if limit and len(ids) > limit:
        found, fix = f"the text {_start(text)} has {len(ids)} tokens", f"it reads at most {limit}"
        raise TooLongError(found, where=base.name, fix=fix)
    kept = _without_tail(offsets)
    return ids[:kept], offsets[:kept]


def _without_tail(offsets: list[list[int]]) -> int:
    """How many tokens there are before what a tokenizer puts after a text, an end token, say.

    Such a token covers no character: its offsets are (0, 0), and out of the order that a character
    is found by. No state before it knows of it.
    """
    return max((i + 1 for i, pair in enumerate(offsets) if any(pair)), default=len(offsets))


def _start(text: str) -> str:
    """The first words of a text, to tell it from others."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


@torch.no_grad()
def _states(base: Base, rows: list[list[int]], layers: Sequence[int]) -> list[Tensor]:
    """[T, taps, d] for each row."""
    width, device = max(map(len, rows)), base.model.device
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    kept = _forward(base, ids.to(device), layers)
    # A copy, since a view would keep the whole padded batch alive.
    return [kept[i, : len(row)].cpu().clone() for i, row in enumerate(rows)]


def _forward(base: Base, ids: Tensor, layers: Sequence[int]) -> Tensor:
    """[B, T, taps, d]: the states after each of the layers."""
    seen: dict[int, Tensor] = {0: base.model.get_input_embeddings()(ids)}
    if any(layers):
        seen |= _read(base, ids, tuple(layer - 1 for layer in layers if layer))
    return torch.stack([seen[layer] for layer in layers], dim=2)


def _read(base: Base, ids: Tensor, places: tuple[int, ...]) -> dict[int, Tensor]:
    """The outputs of the layers at these places of the list, by their numbers here."""
    install(decoder_layers(base.model))
    reading = _ReadingUpTo(places)
    with suppress(_DeepestReached):
        decoder(base.model)(input_ids=ids, use_cache=False, rail_ctx=reading)
    if missed := sorted(reading.layers - set(reading.states)):
        found = f"layers {[place + 1 for place in missed]} were not given rail_ctx"
        raise RailError(found, where=base.name, fix="use another base")
    return {place + 1: state for place, state in reading.states.items()}
