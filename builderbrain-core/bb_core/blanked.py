"""A plan whose free texts nobody has written yet can be assembled, printed and checked.

Private characters, from U+E000 on, stand for the texts, one for each, in order.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from bb_core.decision import Decision, Fill, Filled, Write

BLANK = 0xE000


def blanked(decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions with a blank for each text that nobody has written yet."""
    marks = count(BLANK)

    def blank(fill: Fill) -> Fill:
        return Write(chr(next(marks))) if isinstance(fill, Write) and not fill.text else fill

    def filled(fill: Filled) -> Filled:
        return tuple(map(blank, fill)) if isinstance(fill, tuple) else blank(fill)

    return [replace(d, fills=tuple(map(filled, d.fills))) for d in decisions]
