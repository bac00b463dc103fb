"""The fold builder: a text, as frozen states of its words, becomes a plan of nested steps.

For plans that are trees: every result is taken up by one later step. Where results are used twice
or arguments stand elsewhere, see `bb_nn.builder`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from bb_nn.base import Base
from bb_nn.builder.described import describe
from bb_nn.builder.still import still
from bb_nn.folding.move import Fill, Move
from bb_nn.folding.network import Asked, FoldConfig, FoldNetwork, Spoken
from bb_nn.folding.question import NO, Asker, Question, View
from bb_nn.folding.reading import Reading, Unit
from bb_nn.folding.tools import Tools
from bb_nn.folding.words import Words


@dataclass(frozen=True, slots=True)
class Folded:
    """The moves made of a text, and the sum of all answers' log probabilities.

    `done`: it came to an end of its own.
    """

    moves: tuple[Move, ...]
    log_prob: float
    done: bool


@dataclass
class Course:
    """One text on its way: what has been read, the step being filled, the moves made."""

    first: int
    spelled: tuple[str, ...]
    reading: Reading
    moves: list[Move] = field(default_factory=list)
    tool: int = -1
    fills: list[Fill] = field(default_factory=list)
    used: dict[Unit, int] = field(default_factory=dict)
    log_prob: float = 0.0
    over: bool = False
    done: bool = False


def speak(base: Base, tools: Tools, layers: Sequence[int]) -> Spoken:
    """What the base makes of the domain's own sentences."""
    rows = (
        [f"{tool.name}: {tool.does}" for tool in tools.tools],
        [f"{slot.tool} {slot.name}" for slot in tools.slots],
        [str(choice) for choice in tools.choices] or ["nothing"],
        list(tools.types) or ["nothing"],
    )
    found = [describe(base, texts, layers) for texts in rows]
    vectors = [
        torch.stack([d.vectors[d.rows[text]] for text in texts])
        for d, texts in zip(found, rows, strict=True)
    ]
    choices, types = vectors[2][: len(tools.choices)], vectors[3][: len(tools.types)]
    return Spoken(vectors[0], vectors[1], choices, types)


class FoldBuilder:
    """A domain's tools and the network that takes them."""

    def __init__(self, tools: Tools, network: FoldNetwork) -> None:
        config = network.config
        self.tools, self.network = tools, network
        self.asker = Asker(tools, View(config.left, config.right))

    @torch.no_grad()
    def build(self, words: Words, rows: Sequence[int]) -> list[Folded]:
        """The greedy fold of each of these texts, all of them at once; dropout is off meanwhile."""
        courses = [self.course(words.first[row], words.spelled[row]) for row in rows]
        with still(self.network):
            while live := [course for course in courses if not course.over]:
                self._advance(live, words.table)
        return [Folded(tuple(c.moves), c.log_prob, c.done) for c in courses]

    def _advance(self, live: Sequence[Course], table: Tensor) -> None:
        """Give each course the likeliest answer to its next question."""
        questions = [self.question(course) for course in live]
        asked = ask(questions, [course.first for course in live])
        best, columns = self.network(asked, table).log_softmax(-1).max(-1)
        for course, column, log_prob in zip(live, columns.tolist(), best.tolist(), strict=True):
            course.log_prob += log_prob
            self.answer(course, column)

    def course(self, first: int, spelled: tuple[str, ...]) -> Course:
        """The beginning of a text's way; `first` as in `Words`."""
        return Course(first, spelled, Reading(len(spelled)))

    def question(self, course: Course) -> Question:
        """What is asked next; some answer is open while the course is not over."""
        if course.tool < 0:
            return self.asker.tool(course.reading, course.spelled)
        slot = self.tools.tools[course.tool].slots[len(course.fills)]
        return self.asker.slot(slot, course.reading, course.used, course.spelled)

    def answer(self, course: Course, column: int) -> None:
        """Go on with the answer in an open column."""
        if course.tool >= 0:
            self._filled(course, column)
        elif column != NO:
            course.tool = column - 1
        elif course.reading.over:
            course.over = course.done = True
        else:
            course.reading = course.reading.read()

    def _filled(self, course: Course, column: int) -> None:
        tool = self.tools.tools[course.tool]
        slot = tool.slots[len(course.fills)]
        fill, unit = self.asker.fill(slot, column, course.reading)
        course.fills.append(fill)
        if unit is not None:
            course.used[unit] = slot.row
        if len(course.fills) < len(tool.slots):
            if not self.question(course).open.any():
                course.over = True  # a unit that two slots need
            return
        if not course.used or len(course.moves) > 4 * course.reading.count:
            course.over = True  # a step of nothing, or steps without end
            return
        course.moves.append(Move(tool.name, tuple(course.fills), course.reading.at))
        first = min(course.used, key=lambda one: one.begin)
        course.reading = course.reading.fold(first, tool.gives)
        course.tool, course.fills, course.used = -1, [], {}


def ask(questions: Sequence[Question], first: Sequence[int]) -> Asked:
    """Questions as tensors; `first` is the row before each text's first word."""
    word = np.stack([q.word for q in questions])
    word = np.where(word > 0, word + np.array(first, dtype=np.int64)[:, None], 0)
    return Asked(
        torch.tensor([q.query for q in questions]),
        torch.from_numpy(np.stack([q.kind for q in questions])).long(),
        torch.from_numpy(word).long(),
        torch.from_numpy(np.stack([q.mark for q in questions])).long(),
        torch.from_numpy(np.stack([q.open for q in questions])),
    )


def batches(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Rows in random order, `size` at a time, over and over."""
    while True:
        order = torch.randperm(count, generator=generator)
        yield from (part for part in torch.split(order, size) if len(part) == size or count < size)


def new(base: Base, tools: Tools, layers: Sequence[int], **shape: int) -> FoldBuilder:
    """An untrained fold builder of a domain that reads these layers of a base."""
    width = base.model.config.get_text_config().hidden_size
    config = FoldConfig(tuple(layers), width, **shape)
    return FoldBuilder(tools, FoldNetwork(config, speak(base, tools, layers)))
