"""Masks on logits: our own loop's, and a LogitsProcessor for other people's generate().

The processor trusts nothing about the order of calls. It finds the row whose tokens are the
longest prefix of what it is given, so beams, prompt lookup and repeated calls all work.
Not covered: continuous batching, which may drop a processor silently; it is declared unsupported.
"""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from transformers import LogitsProcessor

from bb_runtime.errors import DeadRowError
from bb_runtime.steer import Row, Steering

_KEPT_ROWS = 256
_TIGHT_CHOICES = 64


def allowed(mask: bytes, width: int) -> torch.Tensor:
    """A row mask as booleans as wide as the logits; what the vocabulary lacks is not allowed."""
    bits = np.unpackbits(np.frombuffer(mask, dtype=np.uint8), bitorder="little")[:width]
    out = torch.zeros(width, dtype=torch.bool)
    out[: len(bits)] = torch.from_numpy(bits.view(np.bool_))
    return out


def masked(logits: torch.Tensor, mask: bytes) -> torch.Tensor:
    """One row of logits in fp32, -inf where not allowed; raises DeadRowError if nothing is left."""
    keep = allowed(mask, logits.shape[-1]).to(logits.device)
    out = logits.float().masked_fill(~keep, float("-inf"))
    if not bool(torch.isfinite(out).any()) or bool(torch.isnan(out).any()):
        raise DeadRowError(
            "no allowed token has a finite logit",
            fix="take out no_repeat_ngram_size, suppress_tokens and other bans, or check the model",
        )
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
