"""SQLite under the shop: every request is one transaction, the whole state is one JSON value.

A thing is a row (kind, id, body as JSON). The same transaction that changes things also remembers
the answer under its idempotency key, so a crash leaves both or neither.
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from bb_core.errors import BuilderbrainError
from bb_domains.api_json.shop.data import State, changed, seed

TABLES = """
CREATE TABLE IF NOT EXISTS things (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, request TEXT, status INTEGER, body TEXT);
"""
KINDS = ("users", "products", "orders", "refunds", "credits", "messages", "handoffs")


class Transaction:
    """One unit of work: reads see earlier writes, nothing is kept if it raises."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    def get(self, kind: str, ident: str) -> Any:
        """The thing of that kind and id, or None."""
        query = "SELECT body FROM things WHERE kind = ? AND id = ?"
        row = self._sql.execute(query, (kind, ident)).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str) -> dict[str, Any]:
        """Every thing of a kind by id, in id order."""
        query = "SELECT id, body FROM things WHERE kind = ? ORDER BY id"
        return {ident: json.loads(body) for ident, body in self._sql.execute(query, (kind,))}

    def put(self, kind: str, ident: str, body: Any) -> None:
        """Keep a thing, replacing what had its id."""
        query = "INSERT OR REPLACE INTO things VALUES (?, ?, ?)"
        self._sql.execute(query, (kind, ident, json.dumps(body, sort_keys=True)))

    def add(self, kind: str, prefix: str, body: Any) -> str:
        """Keep a new thing under the next free number; returns its id."""
        count = self._sql.execute("SELECT COUNT(*) FROM things WHERE kind = ?", (kind,)).fetchone()
        ident = f"{prefix}{count[0] + 1:04}"
        self.put(kind, ident, body)
        return ident

    def answer(self, key: str) -> tuple[str, int, Any] | None:
        """What was asked and answered under an idempotency key."""
        query = "SELECT request, status, body FROM answers WHERE key = ?"
        row = self._sql.execute(query, (key,)).fetchone()
        return (row[0], row[1], json.loads(row[2])) if row else None

    def remember(self, key: str, request: str, status: int, body: Any) -> None:
        """Keep an answer under its idempotency key."""
        query = "INSERT INTO answers VALUES (?, ?, ?, ?)"
        self._sql.execute(query, (key, request, status, json.dumps(body)))

    def replace(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Forget everything, answers too, and keep these rows instead."""
        self._sql.execute("DELETE FROM things")
        self._sql.execute("DELETE FROM answers")
        self._sql.executemany("INSERT INTO things VALUES (?, ?, ?)", rows)


@cache
def _seed_rows() -> tuple[State, dict[tuple[str, str], str]]:
    """The seed state and its things as JSON text: a reset writes only what is changed anew."""
    state = seed()
    return state, {
        (k, i): json.dumps(b, sort_keys=True) for k in KINDS for i, b in state[k].items()
    }


def rows(changes: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The rows of the seed state with `changes` laid over it."""
    base, texts = _seed_rows()
    state = changed(base, changes)
    for kind in KINDS:
        for ident, body in state[kind].items():
            untouched = body is base[kind].get(ident)
            text = texts[kind, ident] if untouched else json.dumps(body, sort_keys=True)
            yield kind, ident, text
    yield "policy", "policy", json.dumps(state["policy"])


class Store:
    """The shop's state in one SQLite file, or in memory; safe to use from several threads."""

    def __init__(self, path: str = ":memory:", changes: Mapping[str, Any] | None = None) -> None:
        self._lock = threading.Lock()
        self._sql = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._sql.executescript(TABLES)
        with self.transaction() as work:
            empty = work.get("policy", "policy") is None
        if empty or changes:
            self.reset(changes or {})

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All of the block's writes, or none of them; one block at a time."""
        with self._lock:
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._sql)
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:  # a commit that another reader or a full disk stopped
                    self._sql.execute("ROLLBACK")
                raise

    def reset(self, changes: Mapping[str, Any]) -> None:
        """Back to the seed state with `changes` laid over it; idempotency keys are forgotten."""
        with self.transaction() as work:
            work.replace(rows(changes))

    def snapshot(self) -> State:
        """The state as one JSON value, but for the catalogue, which no request changes."""
        with self.transaction() as work:
            kinds = {kind: work.all(kind) for kind in KINDS if kind != "products"}
            return {"policy": work.get("policy", "policy"), **kinds}

    def close(self) -> None:
        """Close the database; a second close does nothing."""
        with self._lock:
            self._sql.close()


def open_store(path: str) -> Store:
    """The store in that file; raises an error a person can act on when it is no shop database."""
    try:
        return Store(path)
    except sqlite3.Error as error:
        raise BuilderbrainError(
            f"cannot use it as the shop's database: {error}",
            where=path,
            fix="name another file with --db, or remove this one to start from the seed",
        ) from error


def request_digest(operation: str, path: str, body: Any) -> str:
    """What makes two requests the same request, beside their key."""
    text = json.dumps([operation, path, body], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
