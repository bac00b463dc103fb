"""A gold fold as lessons: every question on its way, with the right column."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bb_nn.errors import RailError
from bb_nn.folding.move import Move
from bb_nn.folding.question import NO, Asker, Question, unit_of
from bb_nn.folding.reading import Reading, Unit


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question and its answer. `need`: how many units left of the point the step takes in."""

    question: Question
    gold: int
    need: int = 0


def lessons(asker: Asker, spelled: Sequence[str], moves: Sequence[Move]) -> Iterator[Lesson]:
    """The lessons of one text; raises RailError for moves that no fold can make."""
    reading, left = Reading(len(spelled)), list(moves)
    while True:
        while left and left[0].at == reading.at:
            try:
                taught, reading = _take(asker, reading, left[0], spelled)
            except ValueError as error:
                raise RailError(
                    f"{error}", where=f"{left[0].tool} in {' '.join(spelled)!r}"
                ) from None
            yield from taught
            left.pop(0)
        yield Lesson(asker.tool(reading, spelled), NO)
        if reading.over:
            break
        reading = reading.read()
    if left:
        raise RailError("the moves are not in the order of their words", where=" ".join(spelled))


def _take(
    asker: Asker, reading: Reading, move: Move, spelled: Sequence[str]
) -> tuple[list[Lesson], Reading]:
    tool = asker.tools.by_name[move.tool]
    found, used = [(asker.tool(reading, spelled), 1 + tool.row)], dict[Unit, int]()
    for slot, fill in zip(tool.slots, move.fills, strict=True):
        column = asker.column(slot, fill, reading)
        found.append((asker.slot(slot, reading, used, spelled), column))
        if column >= asker.units_at:
            used[unit_of(fill, reading.seen(asker.view.left))] = slot.row
    for question, column in found:
        if not question.open[column]:
            raise ValueError(f"query {question.query} may not be answered by column {column}")
    first = min(used, key=lambda unit: unit.begin)
    need = len(reading.units) - reading.units.index(first)
    return [Lesson(q, c, need) for q, c in found], reading.fold(first, tool.gives)
