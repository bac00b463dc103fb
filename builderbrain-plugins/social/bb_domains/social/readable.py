"""Rows that strangers had a hand in, read one at a time: a bad one costs itself only.

Not covered: a row that takes long to read; a server that answers with no rows at all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from bb_core.errors import ToolError

Row = TypeVar("Row")
Read = TypeVar("Read")
MALFORMED = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a row can raise whose parts are not what they should be."""

OF_THE_ROW = ("invalid", "conflict")
"""The faults that are one row's own; a server that is away is everybody's."""


def readable(rows: Iterable[Row], read: Callable[[Row], Read]) -> Iterator[Read]:
    """What `read` gives for each row; one that is malformed, or gone by now, is left out."""
    for row in rows:
        try:
            yield read(row)
        except MALFORMED:
            continue
        except ToolError as error:
            if error.kind not in OF_THE_ROW:
                raise


def part(row: Any, *path: str) -> Mapping[str, Any]:
    """The mapping at the end of a path of keys; an empty one where anything else is there."""
    for key in path:
        row = row.get(key) if isinstance(row, Mapping) else None
    return row if isinstance(row, Mapping) else {}
