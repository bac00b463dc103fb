"""One head for every decision: what is asked is compared with what may be answered.

An option is a skill, a closed choice, a span of the text, a reference to an earlier step, or one of
a few marks (end, skip, ...). Each is a pair of vectors; each kind has its own projection of it.
"""

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor, nn

KNOWN = 12
"""What is known of an option besides its vectors, as numbers about 0 to 1; see `features`."""
FEATURES = KNOWN + 7
"""With what `overlap` and `takers` know of a skill behind them."""


class Kind(IntEnum):
    """What an option is."""

    SKILL = 0
    CHOICE = 1
    SPAN = 2
    REFER = 3
    MARK = 4


class Query(IntEnum):
    """What is asked."""

    SKILL = 0
    SLOT = 1
    WHEN = 2
    OP = 3
    VALUE = 4
    AFTER = 5
    ELSEWHERE = 6


class Mark(IntEnum):
    """Answers that are neither a word nor a place: and the start of a clause, as an input."""

    BEGIN = 0
    END = 1
    SKIP = 2
    WRITE = 3
    FREE = 4
    ELSEWHERE = 5
    NONE = 6
    EQ = 7
    NE = 8
    LT = 9
    LE = 10
    GT = 11
    GE = 12


@dataclass(frozen=True, slots=True)
class Options:
    """N options of G questions. group, kind: [N]. pair: [N, 2], rows of table [., width].

    features: [N, FEATURES]. allowed: bool [N]; what is not allowed has a logit all the same.
    """

    group: Tensor
    kind: Tensor
    pair: Tensor
    table: Tensor
    features: Tensor
    allowed: Tensor


class PairProjection(nn.Module):
    """W_kind [a; b] for N pairs [N, 2 * width]; one matrix a kind."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(len(Kind), 2 * width, width) * (2 * width) ** -0.5)
        self.width = width

    def forward(self, pair: Tensor, kind: Tensor) -> Tensor:
        """[N, width]."""
        out = pair.new_zeros(len(pair), self.width)
        for value in Kind:
            rows = torch.nonzero(kind == value).flatten()
            if not len(rows):
                continue
            out = out.index_copy(0, rows, pair[rows] @ self.weight[value])
        return out

    def of(self, table: Tensor, pair: Tensor, kind: Tensor) -> Tensor:
        """[N, width], of pairs [N, 2] of the table's rows; the same pair is projected once.

        A batch offers every skill at every step, so nine options in ten are there again.
        """
        size = len(table)
        codes = (kind * size + pair[:, 0]) * size + pair[:, 1]
        each, place = torch.unique(codes, return_inverse=True)
        rows = torch.stack([each // size % size, each % size], dim=1)
        out: Tensor = self(table[rows].flatten(1), each // size**2)
        return out[place]


class OptionHead(nn.Module):
    """logit = (Q_kind h) . (K_kind [a; b]) / sqrt(width) + w_(query, kind) . features[:known]."""

    def __init__(self, width: int, known: int) -> None:
        super().__init__()
        self.width = width
        self.query = nn.Linear(width, len(Kind) * width)
        self.key = PairProjection(width)
        self.features = nn.Embedding(len(Query) * len(Kind), known)
        self.bias = nn.Embedding(len(Query) * len(Kind), 1)
        nn.init.zeros_(self.features.weight)
        nn.init.zeros_(self.bias.weight)

    def forward(self, h: Tensor, query: Tensor, options: Options) -> Tensor:
        """Logits [N] for questions h [G, width] of kinds query [G]."""
        asked = self.query(h).view(len(h), len(Kind), self.width)[options.group, options.kind]
        keys = self.key.of(options.table, options.pair, options.kind)
        same = (asked * keys).sum(-1) * self.width**-0.5
        row = query[options.group] * len(Kind) + options.kind
        weights = self.features(row)
        features = options.features[:, : weights.shape[1]]
        known = (weights * features).sum(-1) + self.bias(row).squeeze(-1)
        logits: Tensor = same + known
        return logits


def log_softmax(logits: Tensor, group: Tensor, groups: int, allowed: Tensor) -> Tensor:
    """Each option's log probability among the allowed ones of its group [N]; -inf if not allowed.

    Every group needs an allowed option.
    """
    masked = logits.masked_fill(~allowed, float("-inf"))
    return masked - log_total(masked, group, groups)[group]


def log_total(logits: Tensor, group: Tensor, groups: int) -> Tensor:
    """log sum exp of each group's logits [G]; -inf for a group without any."""
    top = torch.full((groups,), float("-inf"), device=logits.device, dtype=logits.dtype)
    top = top.scatter_reduce(0, group, logits.detach(), "amax")
    finite = top.masked_fill(torch.isinf(top), 0.0)
    total = torch.zeros_like(top).index_add(0, group, (logits - finite[group]).exp())
    return total.log() + finite
