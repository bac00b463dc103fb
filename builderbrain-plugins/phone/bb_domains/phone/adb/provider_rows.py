"""The rows that a device's `content query` prints, each with its own values and nobody else's.

A value may hold a line break, and after it whatever looks like a row. So the rows' ids are asked
for alone, which are numbers; with them it is known how each row begins.
"""

import re
from collections.abc import Sequence

from bb_core.errors import ToolError

_ID = re.compile(r"Row: ([0-9]+) _id=([0-9]+)")


def ids(said: str) -> list[int]:
    """The ids, in order, of a query for `_id` alone; raises ToolError where other things stand."""
    lines = said.replace("\r", "").strip().splitlines()
    rows = [_ID.fullmatch(line) for line in lines if line.startswith("Row:")]
    if any(row is None or int(row[1]) != place for place, row in enumerate(rows)):
        raise _mixed()
    return [int(row[2]) for row in rows if row]


def values(said: str, known: Sequence[int]) -> list[str]:
    """What stands behind `_id` in each row; raises ToolError where a value looks like a row."""
    text = said.replace("\r", "").removesuffix("\n")
    marks = [f"Row: {place} _id={ident}, " for place, ident in enumerate(known)]
    found = [[m.start() for m in re.finditer("^" + re.escape(one), text, re.M)] for one in marks]
    starts = [places[0] for places in found if len(places) == 1]
    if len(starts) != len(marks) or starts != sorted(starts) or starts[:1] not in ([], [0]):
        raise _mixed()
    ends = [*(start - 1 for start in starts[1:]), len(text)]
    return [text[a + len(mark) : b] for a, mark, b in zip(starts, marks, ends, strict=False)]


def _mixed() -> ToolError:
    found = "the rows of the device's answer cannot be told apart"
    return ToolError("unavailable", found, where="adb", fix="look for a line break in an entry")
