"""How much of a tool's own words a request says: it tells of a tool that training never showed.

Words are compared by their first five letters, so that `cancelled` says `cancel`. Not covered:
synonyms, and requests in another language than the tools are described in; there the vectors of the
frozen base are all there is.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bb_nn.builder.features import Features

_WORD = re.compile(r"[^\W_]{3,}")
STEM = 5
GREAT = 10.0
"""What a share of 1 is told as: a weight moves by about the rate a step, and at 1 it would take a
thousand steps until words count beside vectors."""


@dataclass(frozen=True, slots=True)
class Worded:
    """Texts as sets of words, and what a word weighs: idf^2, idf = log(texts / texts with it).

    An empty text is none.
    """

    names: tuple[frozenset[str], ...]
    bags: tuple[frozenset[str], ...]
    weights: tuple[tuple[str, float], ...]


def stems(text: str) -> frozenset[str]:
    """The words of three letters and more, each cut to its first five."""
    return frozenset(word[:STEM] for word in _WORD.findall(text.lower()))


@lru_cache(maxsize=256)
def worded(names: tuple[str, ...], texts: tuple[str, ...]) -> Worded:
    """Names and texts of the same things, in the same order."""
    bags = tuple(map(stems, texts))
    seen, all_of_them = Counter(word for bag in bags for word in bag), sum(map(bool, bags))
    weights = tuple((word, math.log(all_of_them / count) ** 2) for word, count in seen.items())
    return Worded(tuple(map(stems, names)), bags, weights)


def overlaps(known: Worded, said: str) -> Sequence[Features]:
    """Of each text i: the shares of its name's and of its own words that are said, o_i / max_j o_j,
    and whether o_i is the greatest; all times GREAT.

    o_i = sum of the weights of the words that both have / sqrt(sum of those of text i).
    """
    own, weight = stems(said), dict(known.weights)
    found = [_total(bag & own, weight) / (_total(bag, weight) ** 0.5 or 1.0) for bag in known.bags]
    most = max(found, default=0.0) or math.inf
    return [
        (
            GREAT * _share(name, own),
            GREAT * _share(bag, own),
            GREAT * (one / most),
            GREAT * (one == most),
        )
        for name, bag, one in zip(known.names, known.bags, found, strict=True)
    ]


def _share(words: frozenset[str], own: frozenset[str]) -> float:
    return len(words & own) / max(1, len(words))


def _total(words: frozenset[str], weight: Mapping[str, float]) -> float:
    # In a fixed order, so that the last bits of the sum do not hang on the hash of texts.
    return sum(weight[word] for word in sorted(words))
