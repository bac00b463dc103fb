"""A plan whose free texts nobody has written yet can be assembled, printed and checked.

Private characters, from U+E000 on, stand for the texts, one for each, in order. Those that were
said, in the request or by a tool, stand for nothing but themselves.

Not covered: a domain whose own words hold private characters.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bb_core.decision import Decision, Fill, Filled, Write

_PRIVATE = (range(0xE000, 0xF900), range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))


def blanked(decisions: Sequence[Decision], said: str) -> list[Decision]:
    """The decisions with a blank for each text that nobody has written yet; `said` holds none."""
    marks = _unsaid(said)

    def blank(fill: Fill) -> Fill:
        return Write(next(marks)) if isinstance(fill, Write) and not fill.text else fill

    def filled(fill: Filled) -> Filled:
        return tuple(map(blank, fill)) if isinstance(fill, tuple) else blank(fill)

    return [replace(d, fills=tuple(map(filled, d.fills))) for d in decisions]


def pieces(text: str, said: str) -> list[str]:
    """A printed plan cut at its blanks, which were made with the same `said`."""
    private = {char for char in text if any(ord(char) in area for area in _PRIVATE)}
    blanks = "".join(private - set(said))
    return re.split(f"[{blanks}]", text) if blanks else [text]


def _unsaid(said: str) -> Iterator[str]:
    known = set(said)
    return (char for area in _PRIVATE for char in map(chr, area) if char not in known)
