"""What the ledger names only by a salted hash: requests, plans, states, personal values.

    name = SHA-256(salt || SHA-256(canonical value))       one fresh salt for each distinct value

The value and its salt lie in one SQLite file beside the ledger, each in a box of its own (AES-GCM,
under the store's key). Erasing a box leaves the ledger whole, every name, hash and signature as it
was; with the salt gone nobody can tell any more whether a name stands for a value they guess. The
same value given again after that gets another name. Losing the key erases everything at once.

What this does not cover: copies of the file made before (backups, snapshots, worn flash cells)
together with the key; the run database, which needs a plan's values to go on with it after a crash;
what the system acted on keeps; a value that was never given here to be sealed.
"""

import hmac
import json
import os
import re
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from bb_core.cache import write_new
from bb_core.canonical import Json, canonical, digest
from bb_infra.errors import Erased, LedgerError, MissingExtra

FILE, KEY = "sealed.db", "sealed.key"
NAME = re.compile(r"sha256:[0-9a-f]{64}")
SALT, NONCE = 16, 12
_TABLE = "CREATE TABLE IF NOT EXISTS boxes (name TEXT PRIMARY KEY, at BLOB UNIQUE, box BLOB)"


def own_sealed(state: Path) -> "Sealed":
    """The store in a state folder, under the key beside it, which is made on first use."""
    path = state / KEY
    try:
        if not path.exists():
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_new(path, secrets.token_bytes(32))  # of two first users one makes it
        if path.stat().st_mode & 0o077:
            fix = f"run: chmod 600 {path}"
            raise LedgerError("others can read the sealing key", where=str(path), fix=fix)
        return Sealed(state / FILE, path.read_bytes())
    except OSError as error:
        raise LedgerError(f"cannot be kept ({error.strerror})", where=str(path)) from error


class Sealed:
    """A store of sealed values; safe to share between threads and processes."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path, self._one = path, threading.Lock()
        if len(key) < 16:
            raise LedgerError("this is no sealing key", where=str(path.with_name(KEY)))
        self._index, self._aes = hmac.digest(key, b"index", "sha256"), _aes(key)
        self._db: sqlite3.Connection | None = None

    def __call__(self, value: Json) -> str:
        """Keep a JSON value and give its name; raises LedgerError where it cannot be kept."""
        try:
            data = canonical(value)
        except ValueError as error:
            raise LedgerError(f"a payload is not plain JSON ({error})") from error
        return self._keep(digest(data), data)

    def named(self, sha: str) -> str:
        """The name of a value of which only the digest is known here; "" for ""."""
        return self._keep(sha, b"") if sha else ""

    def hide(self, value: Json) -> str:
        """Keep a value, and give the short form of its name that stands for it in a record."""
        return "#" + self(value).removeprefix("sha256:")[:16]

    def read(self, name: str) -> Json:
        """The value a name stands for; raises LedgerError when it is gone or not what it was.

        The short form that stands in a record will do.
        """
        with self._used("read") as db:
            row = _row(db, self._pattern(name))
        data = self._open(*row)[2] if row else b""
        if not data:
            raise Erased("the payload has been erased", where=f"{self.path}: {name[:23]}")
        value: Json = json.loads(data)
        return value

    def containing(self, text: str) -> list[str]:
        """The names of all values that hold a text, letter for letter, somewhere in them."""
        wanted = json.dumps(text, ensure_ascii=False)[1:-1].encode()
        with self._used("read") as db:
            rows = db.execute("SELECT name, box FROM boxes ORDER BY rowid").fetchall()
        return [name for name, box in rows if wanted in self._open(name, box)[2]]

    def erase(self, names: Sequence[str]) -> int:
        """Take values out for good; says how many were there."""
        with self._used("erased") as db:
            gone = sum(
                db.execute("DELETE FROM boxes WHERE name GLOB ?", (self._pattern(n),)).rowcount
                for n in names
            )
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log holds the old pages
        return gone

    def close(self) -> None:
        """Let go of the file; it is opened again when it is needed."""
        with self._one:
            if self._db is not None:
                self._db.close()
            self._db = None

    def _keep(self, sha: str, data: bytes) -> str:
        at = hmac.digest(self._index, sha.encode(), "sha256")
        with self._used("written") as db:
            salt, there = self._there(db, at)
            if not salt or len(there) < len(data):
                db.execute("BEGIN IMMEDIATE")  # somebody else may just have kept it: look again
                salt, there = self._there(db, at)
                salt = salt or secrets.token_bytes(SALT)
                box = self._seal(named(salt, sha), salt, sha, there or data)
                db.execute("DELETE FROM boxes WHERE at = ?", (at,))
                db.execute("INSERT INTO boxes VALUES (?, ?, ?)", (named(salt, sha), at, box))
                db.execute("COMMIT")
        return named(salt, sha)

    def _there(self, db: sqlite3.Connection, at: bytes) -> tuple[bytes, bytes]:
        """Salt and bytes of a value that is there; nothing of one that is not, or is damaged."""
        row = db.execute("SELECT name, box FROM boxes WHERE at = ?", (at,)).fetchone()
        try:
            salt, _, data = self._open(*row) if row else (b"", "", b"")
        except LedgerError:  # written anew, under a name of its own
            return b"", b""
        return salt, data

    def _seal(self, name: str, salt: bytes, sha: str, data: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE)
        sealed: bytes = self._aes.encrypt(nonce, salt + sha.encode() + b"\n" + data, name.encode())
        return nonce + sealed

    def _open(self, name: str, box: bytes) -> tuple[bytes, str, bytes]:
        """Salt, digest and bytes of a value; raises LedgerError where they are not what was put."""
        from cryptography.exceptions import InvalidTag

        try:
            text = self._aes.decrypt(box[:NONCE], box[NONCE:], name.encode())
        except (InvalidTag, ValueError):
            found = "the payload is not what the ledger names, or the key is another"
            raise LedgerError(found, where=f"{self.path}: {name[:23]}") from None
        sha, _, data = text[SALT:].partition(b"\n")
        return text[:SALT], sha.decode(), data

    def _pattern(self, name: str) -> str:
        short = re.fullmatch(r"#([0-9a-f]{16})", name) if isinstance(name, str) else None
        if short:
            return f"sha256:{short[1]}*"
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise LedgerError(f"{str(name)[:80]!r} is no payload's name", where=str(self.path))
        return name

    @contextmanager
    def _used(self, what: str) -> Iterator[sqlite3.Connection]:
        try:
            with self._one:
                self._db = self._db or _opened(self.path)
                try:
                    yield self._db
                finally:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
        except (sqlite3.Error, OSError) as error:
            fix = "free some space; nothing is done without its record"
            found = f"a payload could not be {what} ({error})"
            raise LedgerError(found, where=str(self.path), fix=fix) from error


def named(salt: bytes, sha: str) -> str:
    """SHA-256(salt || digest of the value): what stands for a value in the ledger."""
    return "sha256:" + sha256(salt + sha.encode()).hexdigest()


def _row(db: sqlite3.Connection, pattern: str) -> tuple[str, bytes] | None:
    found = db.execute("SELECT name, box FROM boxes WHERE name GLOB ?", (pattern,)).fetchall()
    return found[0] if len(found) == 1 else None


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        db.execute(f"PRAGMA {pragma}")
    db.execute(_TABLE)
    return db


def _aes(key: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        fix = "run: pip install 'builderbrain-core[durable]'"
        raise MissingExtra("sealing needs the 'cryptography' package", fix=fix) from error
    return AESGCM(hmac.digest(key, b"box", "sha256"))
