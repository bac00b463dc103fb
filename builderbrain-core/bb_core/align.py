"""Which clause of a request asked for which step of its plan.

Steps come in the order of the clauses that ask for them, so the assignment is monotone; among those
the best one is found by dynamic programming. A step belongs where its values stand, where its words
are said, and with the steps it is tied to.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_VALUE, _WORD, _TIED, _ASKS, _USED, _SAME = 1.0, 0.1, 0.1, 0.3, 0.25, 0.02


@dataclass(frozen=True, slots=True)
class Traces:
    """What a step leaves in a request: per value, where it stands; and the words that hint at it.

    `tied` to the step before; `asks` for consent to the step after.
    """

    places: tuple[tuple[int, ...], ...] = ()
    words: frozenset[str] = frozenset()
    tied: bool = False
    asks: bool = False


def align(text: str, starts: Sequence[int], traces: Sequence[Traces]) -> tuple[int, ...]:
    """The clause of each step; all 0 where clauses are not known.

    `starts` are the characters at which clauses start, ascending; what stands before the first
    belongs to it.
    """
    if len(starts) < 2 or not traces:
        return (0,) * len(traces)
    ends = [*starts[1:], len(text)]
    said = [words(text[begin:end]) for begin, end in zip(starts, ends, strict=True)]
    own = [[_fit(t, c, starts, said[c]) for c in range(len(starts))] for t in traces]
    best, back = [own[0][0] + _USED], [[0]]
    best += [own[0][c] - _USED * (c - 1) for c in range(1, len(starts))]
    back = [list(range(len(starts)))]
    for i in range(1, len(traces)):
        best, came = _next(best, own[i], traces[i - 1], traces[i])
        back.append(came)
    return _path(best, back)


def _next(
    best: list[float], own: list[float], before: Traces, here: Traces
) -> tuple[list[float], list[int]]:
    stay = _SAME + _TIED * here.tied + _ASKS * before.asks
    scores, came = list[float](), list[int]()
    for c in range(len(own)):
        # A clause that is passed over was asked for nothing, which is rare.
        ways = [
            (best[p] + (stay if p == c else _USED - _USED * (c - p - 1)), p) for p in range(c + 1)
        ]
        score, where = max(ways)
        scores.append(score + own[c])
        came.append(where)
    return scores, came


def _path(best: list[float], back: list[list[int]]) -> tuple[int, ...]:
    last = len(best) - 1
    here = max(range(len(best)), key=lambda c: best[c] - _USED * (last - c))
    found = [here]
    for came in reversed(back[1:]):
        here = came[here]
        found.append(here)
    return tuple(reversed(found))


def clause_at(starts: Sequence[int], char: int) -> int:
    """The clause that a character stands in."""
    return max(0, sum(start <= char for start in starts) - 1)


def _fit(traces: Traces, clause: int, starts: Sequence[int], said: frozenset[str]) -> float:
    score = _WORD * len(traces.words & said)
    for places in traces.places:
        held = {clause_at(starts, place) for place in places}
        if clause in held:
            score += _VALUE / len(held)
    return score


def words(text: str) -> frozenset[str]:
    """The beginnings of a text's longer words, to compare words of one stem."""
    return frozenset(word[:5] for word in re.findall(r"[a-z]{3,}", text.casefold()))
