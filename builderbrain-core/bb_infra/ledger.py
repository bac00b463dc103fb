"""The ledger: an append-only JSON Lines file that records what every run meant to do and did.

Each line carries the hash of the line before it and is a leaf of a Merkle tree whose root is
signed now and then (`checkpoint`). A record is written before the call returns; an intent is also
on the disk before it returns, so no effect happens without its record: where a record cannot be
kept, the ledger raises and the effect must not happen.

One process writes at a time. After a power cut the unfinished last line is turned into a
`recovered` record that holds what was left of it. Anything else that is wrong is refused.

What this does not cover: a rewrite by the holder of the signing key; an end cut off behind the
last checkpoint held elsewhere; a disk that says it has written what it has not. POSIX only.
"""

import base64
import fcntl
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from bb_core.canonical import Json
from bb_core.record import Record, missing
from bb_infra.checkpoint import (
    EVERY,
    Checkpoint,
    SigningKey,
    is_whole,
    note_blocks,
    read_claim,
)
from bb_infra.entry import FIRST, Entry, read_entry
from bb_infra.errors import InUse, LedgerError
from bb_infra.merkle import Frontier, leaf_hash
from bb_infra.verify import chain_hash, origin_of, sidecar

SYNCED = frozenset({"intent", "parked", "refused", "done", "recovered", "moving", "moved", "gate"})
"""Records that are on the disk before the call returns; the rest go down with the next of these."""

KEPT = 4096
"""How many bytes of a torn line its recovery note repeats; its hash and length cover the rest."""


def utc_now() -> str:
    """The time in UTC to the millisecond, RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class LedgerFile:
    """A ledger open for writing; call it with a Record. Safe to share between threads."""

    def __init__(
        self,
        path: Path,
        key: SigningKey | None = None,
        *,
        every: int = EVERY,
        wait_s: float = 10.0,
        now: Callable[[], str] = utc_now,
    ) -> None:
        self.path, self._key, self._every, self._now = path, key, every, now
        self._writing, self._syncing = threading.Lock(), threading.Lock()
        self._frontier, self._prev, self._origin = Frontier(), FIRST, ""
        self._bytes = self._synced = self._signed = 0
        self._broken, self._file = "", -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._hold = _lock(path, wait_s)
        except OSError as error:
            raise LedgerError(f"cannot be opened ({error.strerror})", where=str(path)) from error
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            self._load()
        except (OSError, LedgerError) as error:
            self._release()
            if isinstance(error, LedgerError):
                raise
            raise LedgerError(f"cannot be opened ({error.strerror})", where=str(path)) from error

    def __call__(self, record: Record) -> None:
        """Keep a record; raises LedgerError where it cannot be kept."""
        with self._writing:
            self._append(record)
            size = self._frontier.size
        if record.type in SYNCED:
            self._sync(size)
        if self._key and size - self._signed >= self._every:
            self.checkpoint()

    @property
    def size(self) -> int:
        """How many records it holds."""
        return self._frontier.size

    def checkpoint(self) -> None:
        """Sign what is there now, unless that has been done; needs a key."""
        with self._writing:
            if not self._key or self._frontier.size == self._signed:
                return
            self._sync(self._frontier.size)
            claim = Checkpoint(self._origin, self._frontier.size, self._frontier.root)
            try:
                _append_synced(sidecar(self.path), self._key.note(claim).encode())
            except OSError as error:
                raise self._failed("a checkpoint", error) from error
            self._signed = claim.size

    def close(self) -> None:
        """Sign and sync what is there and let the next writer in; more than once does nothing."""
        if self._file < 0:
            return
        try:
            if not self._broken:
                self._sync(self._frontier.size)
                self.checkpoint()
        finally:
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except LedgerError:
            if error is None:  # what went wrong first says more
                raise

    def _release(self) -> None:
        for handle in (self._file, self._hold):
            if handle >= 0:
                os.close(handle)
        self._file, self._hold, self._broken = -1, -1, "it is closed"

    def _append(self, record: Record) -> None:
        """Write one line at the end; a line that does not fit leaves nothing behind."""
        if self._broken:
            raise LedgerError(f"no record can be kept: {self._broken}", where=str(self.path))
        absent = missing(record)
        if absent:
            found = f"record '{record.type}' does not say {', '.join(absent)}"
            raise LedgerError(found, where=str(self.path), fix="give null for what nothing made")
        line = Entry(self._frontier.size, self._now(), self._prev, record).line()
        try:
            _write_at(self._file, line + b"\n", self._bytes)
        except OSError as error:
            os.ftruncate(self._file, self._bytes)
            raise self._failed(f"record '{record.type}'", error) from error
        self._bytes += len(line) + 1
        self._take(line)

    def _take(self, line: bytes) -> None:
        leaf = leaf_hash(line)
        self._origin = self._origin or origin_of(leaf)
        self._prev, self._frontier = chain_hash(leaf), self._frontier.append(leaf)

    def _sync(self, size: int) -> None:
        """Put the first `size` records on the disk; callers that wait share one fsync."""
        with self._syncing:
            if self._synced >= size:
                return
            reached = self._frontier.size
            try:
                os.fsync(self._file)
            except OSError as error:  # the kernel may have dropped the pages: no second chance
                self._broken = f"the disk refused an earlier one ({error.strerror})"
                raise self._failed("the last records", error) from error
            self._synced = reached

    def _failed(self, what: str, error: OSError) -> LedgerError:
        fix = "free some space and resume the run; nothing is done without its record"
        return LedgerError(
            f"{what} could not be written ({error.strerror})", where=str(self.path), fix=fix
        )

    def _load(self) -> None:
        """Read what is there, recover an unfinished last line, and refuse what is not ours."""
        claims = _own_claims(sidecar(self.path))
        self._signed = max(claims, default=0)
        last, before, torn = b"", FIRST, b""
        with self.path.open("rb") as lines:
            for raw in lines:
                if not raw.endswith(b"\n"):
                    torn = raw
                    break
                last, before = raw[:-1], self._prev
                self._bytes += len(raw)
                self._take(last)
                if claims.pop(self._frontier.size, self._frontier.root) != self._frontier.root:
                    raise self._foreign("the records up to here are not those it signed")
        if claims:
            raise self._foreign(f"it signed {max(claims)} records; the end was cut off")
        if last:
            self._check_end(last, before)
        self._synced = self._frontier.size
        if torn:
            self._recover(torn)
        _sync_folder(self.path.parent)

    def _check_end(self, line: bytes, before: str) -> None:
        try:
            entry = read_entry(line)
        except ValueError as error:
            raise self._foreign(f"the last line is not a record: {error}") from error
        if entry.seq != self._frontier.size - 1 or entry.prev != before:
            raise self._foreign("the last line does not follow the ones before it")

    def _foreign(self, found: str) -> LedgerError:
        fix = f"see 'bb log verify {self.path}', then move it aside to begin a new one"
        return LedgerError(found, where=f"{self.path}:{self._frontier.size}", fix=fix)

    def _recover(self, torn: bytes) -> None:
        """Write the recovery note over the torn line, so that a crash here leaves a torn line."""
        body: dict[str, Json] = {
            "bytes": len(torn),
            "sha256": sha256(torn).hexdigest(),
            "torn": base64.b64encode(torn[:KEPT]).decode(),
        }
        self._append(Record("recovered", artifact="", body=body))
        os.ftruncate(self._file, self._bytes)
        self._sync(self._frontier.size)


def _own_claims(notes: Path) -> dict[int, bytes]:
    """The roots signed so far, by size. Half a note at the end, from a power cut, is dropped."""
    if not notes.exists():
        return {}
    data = notes.read_bytes()
    blocks = [block for _, block in note_blocks(data.decode("utf-8", "surrogateescape"))]
    if blocks and not is_whole(blocks[-1]):
        os.truncate(notes, len(data) - len(blocks.pop().encode("utf-8", "surrogateescape")))
    try:
        claims = [read_claim(block) for block in blocks]
    except LedgerError as error:
        raise LedgerError(error.found, where=str(notes), fix=error.fix) from error
    return {claim.size: claim.root for claim in claims}


def _lock(log: Path, wait_s: float) -> int:
    """Hold the ledger's lock file until it is closed; raises InUse that names the holder."""
    handle = os.open(log.with_name(log.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= until:
                holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "?"
                os.close(handle)
                raise InUse(
                    f"process {holder} is writing to it",
                    where=str(log),
                    fix="wait for that run to end, or give this one another ledger",
                ) from None
            time.sleep(0.02)
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle


def _write_at(handle: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(handle, data, offset)
        data, offset = data[written:], offset + written


def _append_synced(path: Path, data: bytes) -> None:
    new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        end = os.fstat(handle).st_size
        try:
            _write_at(handle, data, end)
        except OSError:
            os.ftruncate(handle, end)
            raise
        os.fsync(handle)
    finally:
        os.close(handle)
    if new:
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
