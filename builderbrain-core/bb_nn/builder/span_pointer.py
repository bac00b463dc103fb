"""Where a text that no reader finds starts and ends: two pointers into the tokens."""

import torch
from torch import Tensor, nn


class SpanPointer(nn.Module):
    """p(s) ~ exp(Q_s h . K_s m_s), p(e | s) ~ exp((Q_e h + Q_m m_s) . K_e m_e).

    Pointer networks, arXiv 1506.03134.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = width**-0.5
        self.ask_start, self.ask_end = nn.Linear(width, width), nn.Linear(width, width)
        self.from_start = nn.Linear(width, width, bias=False)
        self.start_key = nn.Linear(width, width, bias=False)
        self.end_key = nn.Linear(width, width, bias=False)

    def start(self, h: Tensor, text: Tensor, allowed: Tensor) -> Tensor:
        """Log probabilities [P, T] of the first token; h [P, width], text [P, T, width]."""
        logits = torch.einsum("pd,ptd->pt", self.ask_start(h), self.start_key(text)) * self.scale
        return _log_softmax(logits, allowed)

    def end(self, h: Tensor, first: Tensor, text: Tensor, allowed: Tensor) -> Tensor:
        """Log probabilities [P, T] of the last token, given the memory of the first [P, width]."""
        asked = self.ask_end(h) + self.from_start(first)
        logits = torch.einsum("pd,ptd->pt", asked, self.end_key(text)) * self.scale
        return _log_softmax(logits, allowed)


def _log_softmax(logits: Tensor, allowed: Tensor) -> Tensor:
    found: Tensor = logits.masked_fill(~allowed, float("-inf")).log_softmax(-1)
    return found


def after(first: Tensor, longest: int, allowed: Tensor) -> Tensor:
    """[P, T]: tokens from the first on [P], at most `longest` of them, of the allowed [P, T]."""
    places = torch.arange(allowed.shape[1], device=allowed.device)[None, :]
    return allowed & (places >= first[:, None]) & (places < first[:, None] + longest)
