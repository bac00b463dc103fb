"""The bank as a real HTTP service on SQLite, in a process of its own. Every effect is one row.

usage: python service.py DATABASE SEED TIMEOUT_RATE      prints its port, then serves until killed

With a rate above 0, that share of first calls is answered only after the caller has given up, when
the effect is already committed. Which calls is decided by the key, so that runs can be compared.
"""

import json
import sqlite3
import sys
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TABLES = """
CREATE TABLE effects (id INTEGER PRIMARY KEY, tool TEXT, key TEXT, args TEXT);
CREATE TABLE keys (key TEXT PRIMARY KEY, answer TEXT);
CREATE TABLE calls (id INTEGER PRIMARY KEY, tool TEXT, key TEXT);
"""


class Bank:
    """Accounts made of effects; `slow` says how long the answer to a first call is held back."""

    def __init__(self, path: str, seed: str, rate: float) -> None:
        self.path, self.seed, self.rate = path, seed, rate
        with self.open() as db:
            db.execute("PRAGMA journal_mode=WAL")
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'effects'").fetchone():
                db.executescript(TABLES)

    def open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        db.execute("PRAGMA synchronous=NORMAL")
        return db

    def balance(self, db: sqlite3.Connection, account: str) -> int:
        rows = db.execute("SELECT tool, args FROM effects WHERE tool IN ('add', 'take')").fetchall()
        moves = [(1 if tool == "add" else -1, json.loads(args)) for tool, args in rows]
        return 1000 + sum(sign * a["cents"] for sign, a in moves if a["account"] == account)

    def call(self, tool: str, args: dict[str, Any], key: str, limit: float) -> tuple[int, Any]:
        db = self.open()
        try:
            db.execute("INSERT INTO calls (tool, key) VALUES (?, ?)", (tool, key))
            if tool == "look":
                return 200, {
                    "account": args["account"],
                    "balance": self.balance(db, args["account"]),
                }
            if tool == "written":
                found = db.execute("SELECT args FROM effects WHERE tool = 'write'").fetchall()
                happened = any(json.loads(a) == args for (a,) in found)
                return 200, {"happened": happened, "result": args if happened else None}
            answer, first = self.act(db, tool, args, key)
            if first and self.late(key or json.dumps(args)):
                time.sleep(limit + 1.0)
            return answer
        finally:
            db.close()

    def act(
        self, db: sqlite3.Connection, tool: str, args: dict[str, Any], key: str
    ) -> tuple[tuple[int, Any], bool]:
        db.execute("BEGIN IMMEDIATE")
        kept = (
            db.execute("SELECT answer FROM keys WHERE key = ?", (key,)).fetchone() if key else None
        )
        if kept:
            db.execute("COMMIT")
            return (200, json.loads(kept[0])), False
        if tool == "take" and args["cents"] > self.balance(db, args["account"]):
            db.execute("COMMIT")
            return (409, "not covered"), False
        db.execute(
            "INSERT INTO effects (tool, key, args) VALUES (?, ?, ?)", (tool, key, json.dumps(args))
        )
        answer = {**args, "ok": True} if tool in ("add", "take", "pay") else args
        if key:
            db.execute("INSERT INTO keys VALUES (?, ?)", (key, json.dumps(answer)))
        db.execute("COMMIT")
        return (200, answer), True

    def late(self, name: str) -> bool:
        draw = int.from_bytes(sha256(f"{self.seed}{name}".encode()).digest()[:4], "big") / 2**32
        return draw < self.rate


def serve(bank: Bank) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = bank.call(self.path[1:], asked["args"], asked["key"], asked["limit"])
            data = json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                pass  # the caller has gone: that is what these tests are about

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a killed caller resets its connections

    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(Bank(sys.argv[1], sys.argv[2], float(sys.argv[3])))
