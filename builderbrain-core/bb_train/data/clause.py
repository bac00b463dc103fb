"""One clause of a request: a template with values of its own, written out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from bb_core.canonical import Json
from bb_train.data.blanks import Piece
from bb_train.data.speaker import SAME
from bb_train.data.spelling import spellings
from bb_train.data.template import Template


@dataclass(frozen=True)
class Clause:
    """A template with a value for each blank its wording says.

    `speaks`: it says who is speaking. `instead`: what is written where a blank stood, for a value
    that is said elsewhere. `names`: other texts it shares with what was seen, and what they became.
    """

    template: Template
    values: Mapping[int, Json]
    speaks: bool = True
    instead: Mapping[int, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The wording it is written in."""
        return self.template.pieces if self.speaks else self.template.bare


@dataclass(frozen=True)
class Said:
    """A text and where its values stand: (start, end, blank), in characters."""

    text: str
    spans: tuple[tuple[int, int, int], ...]


def say(clause: Clause, rng: Random, same: str) -> Said:
    """The clause as text; `same` stands for the speaker where they were named before."""
    out, spans, at = [], [], 0
    for piece in clause.pieces:
        text = piece.replace(SAME, same) if isinstance(piece, str) else _value(clause, piece, rng)
        if isinstance(piece, int) and piece not in clause.instead:
            spans.append((at, at + len(text), piece))
        out.append(text)
        at += len(text)
    return Said("".join(out), tuple(spans))


def _value(clause: Clause, index: int, rng: Random) -> str:
    if index in clause.instead:
        return clause.instead[index]
    blank = clause.template.blanks[index]
    value = clause.values.get(index, blank.value)
    return rng.choice(spellings(blank.schema, value) or (str(value),))


def said_blanks(template: Template, speaks: bool = True) -> Iterator[int]:
    """The blanks a wording says, each once, in order."""
    pieces = template.pieces if speaks else template.bare
    yield from dict.fromkeys(piece for piece in pieces if isinstance(piece, int))
