"""What a builder is asked at one point of a plan, and what it may answer."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bb_nn.builder.option_head import Kind, Mark, Query

Spot = tuple[int, int]
"""Characters of the scene's text, from and to."""


@dataclass(frozen=True, slots=True)
class Option:
    """One answer.

    kind says what `a` and `b` are: SKILL and CHOICE: the row of a described text; SPAN: characters
    from and to; REFER: an earlier step and the row of the pointer's text; MARK: the mark.
    Options of one question with equal `means` come to the same plan. `answer` is what is taken up
    into the plan. What is not `allowed` may not be answered but has a logit, so that a builder can
    be taught not to want it.
    """

    kind: Kind
    a: int
    b: int = 0
    features: tuple[float, ...] = ()
    means: Hashable = None
    answer: Any = None
    allowed: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `word` is the row of the text that says what is asked, 0 for none.

    `elsewhere` are the spans outside the clause; among `options` they are the mark ELSEWHERE.
    `longest`: a free text is at most so many characters. `adapter`: the row of the skill's adapter,
    -1 for none.
    """

    query: Query
    word: int = 0
    adapter: int = -1
    options: tuple[Option, ...] = ()
    elsewhere: tuple[Option, ...] = ()
    longest: int = 0


BEGIN = Option(Kind.MARK, Mark.BEGIN)


class Tokens:
    """Which token of a text a character belongs to."""

    def __init__(self, offsets: Any) -> None:
        self.starts, self.ends = np.asarray(offsets)[:, 0], np.asarray(offsets)[:, 1]

    def __len__(self) -> int:
        return len(self.starts)

    def at(self, char: int) -> int:
        """The token of a character; the first one for a character before all."""
        return max(0, int(np.searchsorted(self.starts, char, side="right")) - 1)

    def span(self, spot: Spot) -> tuple[int, int]:
        """The first and the last token of a spot."""
        first = self.at(spot[0])
        return first, max(first, self.at(max(spot[0], spot[1] - 1)))
