"""The database a durable run is kept in: opened fast and safe, or refused in one line."""

import logging
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bb_runtime.errors import DurableError
from bb_runtime.lease import FileLeases, Leases, PostgresLeases

if TYPE_CHECKING:
    import sqlalchemy

logging.getLogger("dbos").setLevel(logging.CRITICAL)


def sqlite_path(url: str) -> Path | None:
    """The file behind a SQLite URL; None for any other database."""
    prefix = "sqlite:///"
    return Path(url.removeprefix(prefix)) if url.startswith(prefix) else None


def open_engine(url: str) -> "sqlalchemy.Engine":
    """A SQLAlchemy engine on the run database; raises DurableError when it cannot be used.

    SQLite runs with a write-ahead log and `synchronous=NORMAL`: a killed process loses nothing, and
    a step costs a fifth. A power cut may take back the last commits; the tools' keys cover that.
    """
    import sqlalchemy as sa

    path = sqlite_path(url)
    if path is None:
        engine = sa.create_engine(url, pool_pre_ping=True)
        _reach(engine, url)
        return engine
    _look_at(path)
    engine = sa.create_engine(url)
    sa.event.listen(engine, "connect", _tune)
    return engine


def open_leases(url: str, engine: "sqlalchemy.Engine") -> Leases:
    """The locks that keep two processes from carrying out one run."""
    path = sqlite_path(url)
    return FileLeases(path.with_name(path.name + "-lease")) if path else PostgresLeases(engine)


def _tune(connection: Any, record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    connection.execute("PRAGMA busy_timeout=30000")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _look_at(path: Path) -> None:
    """Open the file once by hand: its faults get one line here instead of a traceback later."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _keep_to_its_owner(path)
        connection = sqlite3.connect(path, timeout=30)
        try:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        raise _unusable(str(path), str(error)) from None
    if found != "ok":
        raise _unusable(str(path), f"damaged: {str(found).splitlines()[0]}")


def _keep_to_its_owner(path: Path) -> None:
    """Nobody else reads what plans hold: SQLite makes files that all may read, and copies a mode.

    Files that others could read so far are mended.
    """
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if file.is_file() and file.stat().st_mode & 0o077:
            file.chmod(0o600)


def _reach(engine: "sqlalchemy.Engine", url: str) -> None:
    try:
        engine.connect().close()
    except Exception as error:
        where = engine.url.render_as_string(hide_password=True)
        raise _unusable(where, str(error).splitlines()[0]) from None


def _unusable(where: str, found: str) -> DurableError:
    fix = "name another database, or move this one away; runs kept in it cannot go on without it"
    return DurableError(f"the run database cannot be used: {found}", where=where, fix=fix)
