"""At most one process carries out a run, and the operating system knows when that process is gone.

SQLite: a lock on one byte of a file beside the database, which the kernel drops with its process.
Postgres: an advisory lock, which the server drops with its connection.
Not covered: a lock file on a network file system that does not keep POSIX locks; Windows.
"""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from bb_runtime.errors import DurableError


class Leases(Protocol):
    """Locks by name, held until released or until the process ends."""

    def take(self, name: str) -> None:
        """Hold a name; raises DurableError when another process holds it."""
        ...

    def release(self, name: str) -> None:
        """Let a name go."""
        ...

    def close(self) -> None:
        """Let everything go."""
        ...


def place(name: str) -> int:
    """A name's number: 62 bits, so that two names practically never share one."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") >> 2


@contextmanager
def leased(leases: Leases, name: str) -> Iterator[None]:
    """Hold a name for the length of a block."""
    leases.take(name)
    try:
        yield
    finally:
        leases.release(name)


def _taken(name: str) -> DurableError:
    found = "this run is being carried out by another process"
    return DurableError(found, where=name, fix="wait for it, or end that process first")


class FileLeases:
    """Byte locks in one file. POSIX locks are a process's, so its threads are told apart here."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._mine: set[str] = set()
        self._lock = threading.Lock()

    def take(self, name: str) -> None:
        """Hold a name; raises DurableError when another process, or this one, holds it."""
        import fcntl

        with self._lock:
            if name in self._mine:
                raise _taken(name)
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place(name))
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    raise
                raise _taken(name) from None
            self._mine.add(name)

    def release(self, name: str) -> None:
        """Let a name go."""
        import fcntl

        with self._lock:
            self._mine.discard(name)
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place(name))

    def close(self) -> None:
        """Let everything go."""
        os.close(self._file)


class PostgresLeases:
    """Advisory locks on one connection of their own."""

    def __init__(self, engine: Any) -> None:
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._mine: set[str] = set()
        self._lock = threading.Lock()

    def take(self, name: str) -> None:
        """Hold a name; raises DurableError when another process, or this one, holds it."""
        with self._lock:
            if name in self._mine or not self._ask("pg_try_advisory_lock", name):
                raise _taken(name)
            self._mine.add(name)

    def release(self, name: str) -> None:
        """Let a name go."""
        with self._lock:
            self._mine.discard(name)
            self._ask("pg_advisory_unlock", name)

    def _ask(self, function: str, name: str) -> bool:
        import sqlalchemy

        query = sqlalchemy.text(f"SELECT {function}(:place)")
        return bool(self._connection.execute(query, {"place": place(name)}).scalar())

    def close(self) -> None:
        """Let everything go."""
        self._connection.close()
