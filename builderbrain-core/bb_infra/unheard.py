"""Work that goes on when nobody reads what it says: a pipe that was closed decides no run.

Not covered: a disk that is full where the output goes; that is an error, as anywhere.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import BufferedWriter, FileIO, TextIOWrapper, UnsupportedOperation
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@contextmanager
def unheard() -> Iterator[None]:
    """A stretch of work, or a whole verb, whose output is dropped once its reader is gone."""
    out, told = _dropping(sys.stdout), _dropping(sys.stderr)
    with redirect_stdout(out), redirect_stderr(told):
        try:
            yield
        finally:
            out.flush()
            told.flush()


def drop(handle: int) -> None:
    """Lead what is still written to a file descriptor to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, handle)
    os.close(nowhere)


class _Dropping(FileIO):
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            drop(self.fileno())
            return super().write(data)


def _dropping(stream: TextIO) -> TextIO:
    try:
        handle = stream.fileno()
    except UnsupportedOperation:  # a stream in memory has no reader that could go
        return stream
    try:
        stream.flush()
    except BrokenPipeError:
        drop(handle)
    raw = BufferedWriter(_Dropping(handle, "w", closefd=False))
    return TextIOWrapper(raw, stream.encoding, stream.errors, line_buffering=True)
