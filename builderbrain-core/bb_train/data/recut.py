"""Requests cut wrongly: one clause too many, or two left together.

A segmenter errs. A builder that has seen plans come out of wrong cuts ends a clause that asks for
nothing, and goes on where a clause asks for two things.
"""

import re
from collections.abc import Sequence
from random import Random

_MAY_CUT = re.compile(r"[.!?;,:)\n]\s+(?=\S)|\s(?=(?:and|but|then|or|also|if)\b)")
"""Where people would cut: behind a mark of the sentence, before a joining word."""


def recut(request: str, starts: Sequence[int], rng: Random) -> tuple[int, ...]:
    """Other starts than the right ones, ascending; the right ones where there are no others."""
    inner = sorted(starts)[1:]
    made, spare = {0, *inner}, sorted(_spare(request) - {0, *starts})
    lost = bool(inner) and (not spare or rng.random() < 0.5)
    if lost:
        made.discard(rng.choice(inner))
    if spare and (not lost or rng.random() < 0.5):
        made.add(rng.choice(spare))
    return tuple(sorted(made))


def _spare(request: str) -> set[int]:
    return {found.end() for found in _MAY_CUT.finditer(request)} - {len(request)}
