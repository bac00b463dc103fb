"""What a fold is asked next, and which answers are open.

After every word: which tool to take, or to read on. After a tool: its slots, one by one, each to be
filled by a unit in view, a closed choice, or nothing. All answers stand in one row of columns:

    no | tools | choices | units in view (left, nearest last)

`no` means read on, or leave the slot out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bb_nn.folding.move import Choice, Fill, Nothing, Result, Word
from bb_nn.folding.reading import Reading, Unit
from bb_nn.folding.tools import Slot, Tool, Tools

NO = 0
PAD, END, WORD, TYPES_AT = 0, 1, 2, 3
"""Kinds of units: nothing there, the text's end, a word, and one for each type of result."""


@dataclass(frozen=True, slots=True)
class View:
    """How far a fold sees: `left` units before the point it has read to, `right` words after."""

    left: int = 8
    right: int = 1


@dataclass(frozen=True, slots=True)
class Question:
    """A question at a point of a text. `query` is 0 for the tool, else 1 + the slot's row.

    kind, word, mark: [left + right]: what each unit is, its word + 1, 1 + the slot it fills.
    open: bool [columns].
    """

    query: int
    kind: NDArray[np.int16]
    word: NDArray[np.int32]
    mark: NDArray[np.int16]
    open: NDArray[np.bool_]


class Asker:
    """Makes the questions of one domain."""

    def __init__(self, tools: Tools, view: View) -> None:
        self.tools, self.view = tools, view
        self.choices_at = 1 + len(tools.tools)
        self.units_at = self.choices_at + len(tools.choices)
        self.columns = self.units_at + view.left
        self.kinds = {name: TYPES_AT + i for i, name in enumerate(tools.types)}

    def tool(self, reading: Reading, spelled: Sequence[str]) -> Question:
        """Which tool to take, or to read on; past the end `no` ends the fold."""
        opened = np.zeros(self.columns, dtype=bool)
        opened[NO] = True
        seen = reading.seen(self.view.left)
        for tool in self.tools.tools:
            opened[1 + tool.row] = self._possible(tool, seen, spelled)
        return self._question(0, reading, {}, opened)

    def slot(
        self, slot: Slot, reading: Reading, used: dict[Unit, int], spelled: Sequence[str]
    ) -> Question:
        """What fills a slot; `used` are the units that fill earlier slots, by their rows."""
        opened = np.zeros(self.columns, dtype=bool)
        opened[NO] = slot.optional
        for choice in slot.choices:
            opened[self.choices_at + self.tools.choices.index(choice)] = True
        seen = reading.seen(self.view.left)
        for place, unit in enumerate(seen, start=self.columns - len(seen)):
            opened[place] = unit not in used and fits(slot, unit, spelled)
        return self._question(1 + slot.row, reading, used, opened)

    def column(self, slot: Slot, fill: Fill, reading: Reading) -> int:
        """The column of an answer; raises ValueError for a unit that is out of view."""
        if isinstance(fill, Nothing):
            return NO
        if isinstance(fill, Choice):
            return self.choices_at + self.tools.choices.index(slot.choices[fill.index])
        return (
            self.columns
            - len(seen := reading.seen(self.view.left))
            + seen.index(unit_of(fill, seen))
        )

    def fill(self, slot: Slot, column: int, reading: Reading) -> tuple[Fill, Unit | None]:
        """The answer in a column, with the unit it takes."""
        if column == NO:
            return Nothing(), None
        if column < self.units_at:
            value = self.tools.choices[column - self.choices_at]
            return Choice(slot.choices.index(value)), None
        seen = reading.seen(self.view.left)
        unit = seen[column - self.columns + len(seen)]
        return (Word(unit.begin) if unit.step < 0 else Result(unit.step)), unit

    def _possible(self, tool: Tool, seen: Sequence[Unit], spelled: Sequence[str]) -> bool:
        """Whether each slot that must be filled has a unit of its own."""
        left = list(seen)
        for slot in tool.slots:
            if slot.optional or slot.choices:
                continue
            unit = next((u for u in left if fits(slot, u, spelled)), None)
            if unit is None:
                return False
            left.remove(unit)
        return True

    def _question(
        self, query: int, reading: Reading, used: dict[Unit, int], opened: NDArray[np.bool_]
    ) -> Question:
        left, size = self.view.left, self.view.left + self.view.right
        kind, word = np.zeros(size, dtype=np.int16), np.zeros(size, dtype=np.int32)
        mark = np.zeros(size, dtype=np.int16)
        seen = reading.seen(left)
        for place, unit in enumerate(seen, start=left - len(seen)):
            kind[place] = WORD if unit.step < 0 else self.kinds.get(unit.gives, PAD)
            word[place] = unit.begin + 1 if unit.step < 0 else 0
            mark[place] = 1 + used[unit] if unit in used else 0
        for place in range(left, size):
            ahead = reading.at + place - left
            kind[place] = WORD if ahead < reading.count else END
            word[place] = ahead + 1 if ahead < reading.count else 0
        return Question(query, kind, word, mark, opened)


def fits(slot: Slot, unit: Unit, spelled: Sequence[str]) -> bool:
    """Whether a unit may fill a slot, by its type or its spelling."""
    if unit.step >= 0:
        return bool(slot.result) and unit.gives == slot.result
    return slot.pattern is not None and bool(slot.pattern.match(spelled[unit.begin]))


def unit_of(fill: Fill, seen: Sequence[Unit]) -> Unit:
    """The unit a fill takes; raises ValueError where it is not in view."""
    for unit in seen:
        if isinstance(fill, Word) and unit.step < 0 and unit.begin == fill.index:
            return unit
        if isinstance(fill, Result) and unit.step == fill.step and unit.step >= 0:
            return unit
    raise ValueError(f"{fill} is not in view")
