"""The likeliest sets of steps to wait for, none of which says what another says already.

Decided from the last step to the first: an edge to a step that a chosen one has waited for is
closed, since it would order nothing; a step that asks for consent stays open, as the checker wants
to see who asked. So each set is written one way only and the sets' probabilities sum to one.
"""

from collections.abc import Sequence
from math import exp, log1p

from bb_core.waiting import Waiting


def likeliest(
    logits: Sequence[float], waiting: Waiting, asks: Sequence[bool], k: int
) -> list[tuple[float, tuple[int, ...]]]:
    """(log probability, steps): the best set and those that differ in one doubtful edge; k at most.

    log p(S) = sum over open edges j of log sigmoid(l_j) if j is in S, else log sigmoid(-l_j)
    """
    doubtful = sorted(range(len(logits)), key=lambda place: abs(logits[place]))
    found: dict[tuple[int, ...], float] = {}
    for turned in (None, *doubtful[: k - 1]):
        score, chosen = _greedy(logits, waiting, asks, turned)
        found.setdefault(chosen, score)
    return sorted(((score, chosen) for chosen, score in found.items()), reverse=True)


def _greedy(
    logits: Sequence[float], waiting: Waiting, asks: Sequence[bool], turned: int | None
) -> tuple[float, tuple[int, ...]]:
    """The likelier answer for each open edge in turn, but the other one at `turned`."""
    reached, chosen, score = waiting.reached, list[int](), 0.0
    for place in reversed(range(len(logits))):
        if place in reached and not asks[place]:
            continue
        yes = (logits[place] > 0) != (place == turned)
        score += _log_sigmoid(logits[place] if yes else -logits[place])
        if yes:
            chosen.append(place)
            reached |= waiting.above[place]
    return score, tuple(reversed(chosen))


def _log_sigmoid(logit: float) -> float:
    return min(logit, 0.0) - log1p(exp(-abs(logit)))
