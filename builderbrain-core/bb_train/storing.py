"""Writing what a run must keep: a disk that does not take it is a StorageError, not an OSError."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bb_train.errors import StorageError

GOES_ON = "free some space and start again: it goes on from the last checkpoint"


@contextmanager
def stored(where: Path, fix: str = GOES_ON) -> Iterator[None]:
    """Raise StorageError, with the place and what to do, for an OSError within."""
    try:
        yield
    except OSError as error:
        full = error.errno == errno.ENOSPC
        found = "the disk is full" if full else f"cannot be written ({error.strerror})"
        raise StorageError(found, where=str(where), fix=fix) from error
