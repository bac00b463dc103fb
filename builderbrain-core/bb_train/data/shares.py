"""Which values, wordings and pairs of kinds belong to training, to dev and to the test.

A hash decides, so that a value is in one share only, whatever the seed and the order.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Literal

Share = Literal["train", "dev", "test"]


def _number(*parts: str) -> int:
    text = "\x1f".join(parts).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def share_of_value(kind: str, value: object) -> Share:
    """The share of a value of a type: a fifth is the test's, a tenth dev's."""
    left = _number("value", kind, str(value)) % 10
    return "test" if left < 2 else "dev" if left == 2 else "train"


def held_pair(first: str, second: str) -> Share:
    """The share of a pair of kinds in one request, whatever their order."""
    left = _number("pair", *sorted((first, second))) % 10
    return "test" if left < 2 else "dev" if left == 2 else "train"


def shares_of_wordings(wordings: Iterable[tuple[str, str]]) -> Mapping[str, Share]:
    """The share of each wording (kind, text): of each kind about a fifth is the test's.

    A kind with fewer than three wordings is all training's.
    """
    by_kind: dict[str, list[str]] = {}
    for kind, text in wordings:
        by_kind.setdefault(kind, []).append(text)
    shares: dict[str, Share] = {}
    for kind, texts in by_kind.items():
        ranked = sorted(dict.fromkeys(texts), key=lambda text: _number("wording", kind, text))
        test, dev = round(len(ranked) * 0.2), round(len(ranked) * 0.1)
        for place, text in enumerate(ranked):
            shares[text] = "test" if place < test else "dev" if place < test + dev else "train"
    return shares


def of_pool(pool: Iterable[str], share: Share) -> tuple[str, ...]:
    """The share's part of a pool of phrases: two thirds are training's, dev and test halve a third.

    The order of the pool decides, so that the parts are there however short the pool is.
    """
    rest = {0: "test", 3: "dev"}
    return tuple(item for place, item in enumerate(pool) if rest.get(place % 6, "train") == share)
