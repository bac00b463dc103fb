"""Which skills can take what a clause says: it tells of a tool that training never showed.

`pm1255` is a payment method, so it speaks for the tool that charges to one; `goodwill` speaks for
the tool that may be given it as a reason. Not covered: free texts, which any tool of words takes,
choices said in other words, and types whose pattern reads any word at all: they take everything.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bb_core.reading import Span
from bb_core.slots import Slot
from bb_nn.builder.features import Features, Used, choice_features
from bb_nn.builder.overlap import GREAT
from bb_nn.builder.question import Spot
from bb_nn.builder.words import choice_text


@dataclass(frozen=True, slots=True)
class Takers:
    """The values that a clause says, each with the skills that can take it; and of each skill the
    share of words of one of its choices that is said, of the choice of which most is."""

    values: tuple[tuple[str, frozenset[int]], ...]
    chosen: tuple[float, ...]


def takers(
    text: str,
    clause: Spot,
    skills: Sequence[Sequence[Slot]],
    read: Callable[[Slot], Sequence[Span]],
) -> Takers:
    """Of a clause of the text. skills: each one's slots; read: where the text says a slot's value.

    Of values within one another only the longest counts.
    """
    begin, end = clause
    found: dict[Spot, set[int]] = {}
    for place, slots in enumerate(skills):
        for span in (span for slot in slots for span in read(slot)):
            if begin <= span.start and span.end <= end:
                found.setdefault((span.start, span.end), set()).add(place)
    values = tuple((text[a:b], frozenset(found[a, b])) for a, b in outermost(found))
    said = text[begin:end].lower()
    return Takers(values, tuple(_chosen(slots, said) for slots in skills))


def outermost(spots: Collection[Spot]) -> list[Spot]:
    """The spots that lie within no other, by place."""
    return sorted(
        (begin, end)
        for begin, end in spots
        if not any(a <= begin and end <= b and (a, b) != (begin, end) for a, b in spots)
    )


def taking(known: Takers, used: Used) -> list[Features]:
    """Of each skill, of the values not used yet: the share that it can take, and one over the
    number of skills that can take the one which fewest can; what is said of its choices. All times
    GREAT.
    """
    fresh = [skills for text, skills in known.values if used.latest(text) is None]
    return [
        (
            GREAT * sum(skill in skills for skills in fresh) / max(1, len(fresh)),
            GREAT * max((1 / len(skills) for skills in fresh if skill in skills), default=0.0),
            GREAT * chosen,
        )
        for skill, chosen in enumerate(known.chosen)
    ]


def _chosen(slots: Sequence[Slot], said: str) -> float:
    told = [choice_text(value) for slot in slots for value in slot.choices]
    return max((choice_features(words, said, said)[0] for words in told), default=0.0)
