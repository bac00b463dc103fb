"""Masks on logits: our own loop's, and a LogitsProcessor for other people's generate().

The processor trusts nothing about the order of calls. It finds the row whose tokens are the
longest prefix of what it is given, so beams, prompt lookup and repeated calls all work.
Not covered: continuous batching, which may drop a processor silently; it is declared unsupported.
"""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LogitsProcessor

from bb_runtime.errors import DeadRowError
from bb_runtime.steer import Row, Steering

_KEPT_ROWS = 256
_TIGHT_CHOICES = 64


def allowed(mask: bytes, width: int) -> NDArray[np.intp]:
    """The tokens of a row mask, in order; those beyond the logits are not among them."""
    bits = np.unpackbits(np.frombuffer(mask, dtype=np.uint8), bitorder="little")
    return np.flatnonzero(bits[:width])


def candidates(logits: torch.Tensor, mask: bytes) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The allowed tokens and their log-probabilities among each other; raises DeadRowError.

    Only the allowed logits are looked at, in double precision: at most places that is a handful.
    """
    tokens = allowed(mask, logits.shape[-1])
    scores = logits.float().cpu().numpy()[tokens].astype(np.float64)
    if not np.isfinite(scores).any() or np.isnan(scores).any():
        raise DeadRowError(
            "no allowed token has a finite logit",
            fix="take out no_repeat_ngram_size, suppress_tokens and other bans, or check the model",
        )
    top = scores.max()
    return tokens, scores - top - np.log(np.exp(scores - top).sum())


def masked(logits: torch.Tensor, mask: bytes) -> torch.Tensor:
    """One row of logits in fp32, -inf where not allowed; raises DeadRowError if nothing is left."""
    tokens, _ = candidates(logits, mask)
    keep = torch.from_numpy(tokens).to(logits.device)
    out = torch.full_like(logits, float("-inf"), dtype=torch.float32)
    out[keep] = logits[keep].float()
    return out


class SteeredLogits(LogitsProcessor):
    """Keeps every row of a generate() call inside the plan language and able to end in time.

    Give it the prompt's length and generate()'s max_new_tokens. Where the budget is tight only the
    best 64 allowed tokens are looked at, and only those kept after which the plan still fits.
    """

    supports_continuous_batching = False

    def __init__(self, steering: Steering, prompt_length: int, budget: int) -> None:
        steering.require(budget)
        self.steering, self.prompt_length, self.budget = steering, prompt_length, budget
        self._rows: OrderedDict[tuple[int, ...], Row] = OrderedDict({(): steering.row()})

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores with -inf at every token that may not come next; raises on a dead row."""
        out = torch.empty_like(scores, dtype=torch.float32)
        for index, ids in enumerate(input_ids[:, self.prompt_length :].tolist()):
            row = self._row(ids)
            out[index] = self._fitting(row, masked(scores[index], row.mask()))
        return out.to(scores.dtype) if scores.dtype == torch.float32 else out

    def _fitting(self, row: Row, scores: torch.Tensor) -> torch.Tensor:
        left = self.budget - len(row.tokens)
        if row.is_done or left > row.longest_closing:
            return scores
        best = scores.topk(min(_TIGHT_CHOICES, scores.shape[-1])).indices.tolist()
        keep = [t for t in best if bool(torch.isfinite(scores[t])) and row.fits([t], left)]
        out = torch.full_like(scores, float("-inf"))
        if keep:
            out[keep] = scores[keep]
        else:
            out[row.closing()[0]] = 0.0
        return out

    def _row(self, ids: Sequence[int]) -> Row:
        """The row that has written exactly these tokens, grown from the longest known prefix."""
        key = tuple(ids)
        size = len(key)
        while key[:size] not in self._rows:
            size -= 1
        if size < len(key):
            row = self._rows[key[:size]].fork()
            for token in key[size:]:
                if row.is_done:
                    break  # what generate() pads a finished row with
                row.consume(token)
            self._rows[key] = row
        self._rows.move_to_end(key)
        while len(self._rows) > _KEPT_ROWS:
            oldest = next(k for k in self._rows if k)
            del self._rows[oldest]
        return self._rows[key]
