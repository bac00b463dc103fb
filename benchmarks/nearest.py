"""Retrieval by rare words: what a benchmark on recorded requests has to beat."""

import math
from collections import Counter
from collections.abc import Sequence


def nearest(taught: Sequence[str], held: Sequence[str]) -> list[int]:
    """argmax over b of (sum of idf^2 over the words that a and b share) / |b|, for each held a."""
    bags = [frozenset(text.lower().split()) for text in taught]
    seen = Counter(word for bag in bags for word in bag)
    idf = {word: math.log(len(bags) / count) for word, count in seen.items()}

    def size(bag: frozenset[str]) -> float:
        return math.sqrt(sum(idf.get(word, 0.0) ** 2 for word in bag)) or 1.0

    sizes = list(map(size, bags))
    found = []
    for text in held:
        own = frozenset(text.lower().split())
        scores = [
            sum(idf[word] ** 2 for word in own & bag) / long
            for bag, long in zip(bags, sizes, strict=True)
        ]
        found.append(scores.index(max(scores)))
    return found
