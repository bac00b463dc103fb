"""One process per run folder. The lock is the operating system's, so a killed process frees it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bb_train.errors import BusyError, StorageError

FILE = "lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run's folder, made if it is not there; raises BusyError where another process does.

    Raises StorageError where it cannot be a folder, or not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / FILE).open("w")
    except (FileExistsError, NotADirectoryError) as error:
        found, fix = "a file is in its place", "choose another folder, or move the file"
        raise StorageError(found, where=str(folder), fix=fix) from error
    except OSError as error:
        found = f"cannot be written ({error.strerror})"
        raise StorageError(found, where=str(folder), fix="choose another folder") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fix = "wait for it, or use another folder"
            raise BusyError("another process trains here", where=str(folder), fix=fix) from None
        yield
