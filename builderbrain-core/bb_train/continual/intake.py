"""Episodes that wait to be learnt from: a file only appended to, by any number of processes.

    {"after": 12}                                  the number of the last episode forgotten
    {"digest": "sha256:...", "episode": {...}}     number 13, and so on

What was added is on the disk when `add` returns. A writer that was killed leaves at most a torn
last line, which is no episode and is cut off by the next writer. What has been taken is said by who
took it (`replay`), in one step; `forget` only makes room and may be lost without harm.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bb_core.cache import write_whole
from bb_core.canonical import Json, canonical
from bb_train.errors import DataError, StorageError
from bb_train.example import Example, example_json, read_example

_FIX = "take the folder's copy back, or begin with an empty folder"


@dataclass(frozen=True, slots=True)
class Intake:
    """The file. Episodes are numbered from 1 in the order in which they came."""

    path: Path

    def add(self, examples: Sequence[Example], taken: int = 0) -> None:
        """Append episodes; a file that is not there yet goes on behind number `taken`."""
        if not examples:
            return
        with self._locked():
            if not self.path.exists():
                write_whole(self.path, _line({"after": taken}))
            with self.path.open("r+b") as file:
                file.truncate(_whole(file.read()))
                file.seek(0, os.SEEK_END)
                file.write(b"".join(map(_kept, examples)))
                file.flush()
                os.fsync(file.fileno())

    def after(self, taken: int) -> tuple[Example, ...]:
        """The episodes behind number `taken`; raises DataError where one is not as it was."""
        return tuple(self._read(line) for line in self._lines(taken))

    def count(self, taken: int) -> int:
        """How many there are behind number `taken`."""
        return len(self._lines(taken))

    def forget(self, taken: int) -> None:
        """Drop the episodes up to number `taken`, in one step."""
        with self._locked():
            kept = self._lines(taken)
            write_whole(self.path, _line({"after": taken}) + b"".join(kept))

    def _lines(self, taken: int) -> list[bytes]:
        """The whole lines behind number `taken`."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise DataError(str(error.strerror), where=str(self.path), fix=_FIX) from error
        head, *rows = data[: _whole(data)].splitlines(keepends=True) or [b""]
        first = self._first(head)
        if taken > first + len(rows):
            found = f"ends with episode {first + len(rows)}, and {taken} were taken"
            raise DataError(found, where=str(self.path), fix=_FIX)
        # Somebody may have taken and forgotten more since `taken` was read.
        return rows[max(0, taken - first) :]

    def _first(self, head: bytes) -> int:
        try:
            return int(json.loads(head)["after"])
        except (ValueError, KeyError, TypeError) as error:
            found = "its first line says no number"
            raise DataError(found, where=str(self.path), fix=_FIX) from error

    def _read(self, line: bytes) -> Example:
        try:
            data = json.loads(line)
            one, said = read_example(data["episode"]), data["digest"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError("holds no episode", where=str(self.path), fix=_FIX) from error
        if one.digest != said:
            raise DataError(f"{one.id} was changed", where=str(self.path), fix=_FIX)
        return one

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time; the lock is the operating system's, so a killed one frees it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_suffix(".lock").open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as error:
            fix = "make room, or choose another folder"
            raise StorageError(str(error.strerror), where=str(self.path), fix=fix) from error


def _kept(one: Example) -> bytes:
    return _line({"digest": one.digest, "episode": example_json(one)})


def _line(data: Json) -> bytes:
    return canonical(data) + b"\n"


def _whole(data: bytes) -> int:
    """Where the last whole line ends."""
    return data.rfind(b"\n") + 1
