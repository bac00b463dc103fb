"""How much of a tool's own words a request says: it tells of a tool that training never showed.

Words are compared by their first five letters, so that `cancelled` says `cancel`. Not covered:
synonyms; words that only begin alike (`internal`, `interest`); requests in another language than
the tools are described in, or in a script without blanks. There the vectors of the frozen base are
all there is.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bb_core.space import Space
from bb_nn.builder.features import Features
from bb_nn.builder.words import plain_words

_WORD = re.compile(r"[^\W_]{3,}")
STEM, LONG = 5, 4
GREAT = 10.0
"""What a share of 1 is told as. A weight moves by about the rate a step: told as 1, words
had come to count for little beside vectors after 500 steps."""


@dataclass(frozen=True, slots=True)
class Worded:
    """The words of skills: those of their tools' names, all of their tools', and what each weighs.

    weight: idf^2, idf = log(tools on offer / tools with the word). size: sqrt of a skill's sum.
    """

    names: tuple[frozenset[str], ...]
    bags: tuple[frozenset[str], ...]
    sizes: tuple[float, ...]
    weight: Mapping[str, float]


def stems(text: str) -> frozenset[str]:
    """The words of three letters and more, each cut to its first five."""
    return frozenset(word[:STEM] for word in _WORD.findall(text.lower()))


def worded(space: Space) -> Worded:
    """The words of a space's skills; a barred one has none.

    Of a tool's sentence only words of four letters and more count: shorter ones are in any request.
    """
    told = {name: tool.does for name, tool in space.schema.tools.items()}
    return _worded(
        tuple(
            () if place in space.barred else tuple((tool, told[tool]) for tool in skill.tools)
            for place, skill in enumerate(space.skills)
        )
    )


@lru_cache(maxsize=256)
def _worded(skills: tuple[tuple[tuple[str, str], ...], ...]) -> Worded:
    """Of skills as their tools' names and sentences."""
    offered = dict.fromkeys(tool for tools in skills for tool in tools)
    name = {tool: stems(plain_words(tool[0])) for tool in offered}
    bag = {tool: name[tool] | {w for w in stems(tool[1]) if len(w) >= LONG} for tool in offered}
    seen = Counter(word for words in bag.values() for word in words)
    weight = {word: math.log(len(offered) / count) ** 2 for word, count in seen.items()}
    names = tuple(frozenset[str]().union(*(name[tool] for tool in tools)) for tools in skills)
    bags = tuple(frozenset[str]().union(*(bag[tool] for tool in tools)) for tools in skills)
    return Worded(names, bags, tuple(math.sqrt(_total(one, weight)) for one in bags), weight)


def overlaps(known: Worded, said: str) -> Sequence[Features]:
    """Of each skill i: the shares of its names' and of all its words that are said, o_i / max_j
    o_j, and whether no other o_j is greater; all times GREAT, and 0 where o_i is.

    o_i = sum of the weights of the words that are said / its size.
    """
    own = stems(said)
    found = [
        _total(bag & own, known.weight) / (size or 1.0)
        for bag, size in zip(known.bags, known.sizes, strict=True)
    ]
    most = max(found, default=0.0) or math.inf
    return [
        (_share(name, own), _share(bag, own), GREAT * (one / most), GREAT * (one == most))
        for name, bag, one in zip(known.names, known.bags, found, strict=True)
    ]


def _share(words: frozenset[str], own: frozenset[str]) -> float:
    return GREAT * len(words & own) / max(1, len(words))


def _total(words: frozenset[str], weight: Mapping[str, float]) -> float:
    # In a fixed order, so that the last bits of the sum do not hang on the hash of texts.
    return sum(weight[word] for word in sorted(words))
