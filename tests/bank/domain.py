"""The bank's domain: tools with and without keys, with and without a way back, read over HTTP."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from bb_core.adapters import Adapters, Call
from bb_core.canonical import Json
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import ToolError
from bb_core.state import State
from bb_core.verdict import Checked
from tests.schema_source import SchemaSource

ROOT = Path(__file__).parents[2]
TEXT = {"type": "string", "maxLength": 40}
CENTS = {"type": "integer", "minimum": 1, "maximum": 500}
MOVE = {"account": {"type-name": "Account"}, "cents": CENTS, "memo": TEXT}
MOVED = {
    "type": "object",
    "properties": {**MOVE, "ok": {"type": "boolean"}},
    "required": ["account", "cents", "memo", "ok"],
    "additionalProperties": False,
}
NOTE = {"type": "object", "properties": {"text": TEXT}, "required": ["text"]}
WRITE: dict[str, Any] = {
    "effect": "write",
    "args": {"text": TEXT},
    "returns": NOTE,
    "entity": {"page": "args.text"},
    "timeout_s": 0.4,
}
WAIVED = {"compensation": "a test needs none", "approval": "a test asks nobody"}


def move(does: str, back: str) -> dict[str, Any]:
    return {
        "does": does,
        "effect": "write",
        "args": MOVE,
        "returns": MOVED,
        "echoes": {"/account": "account", "/cents": "cents"},
        "entity": {"account": "args.account"},
        "key": ["account", "cents", "memo"],
        "retries": 3,
        "timeout_s": 0.4,
        "compensate": {
            "tool": back,
            "args": {"account": "args.account", "cents": "result.cents", "memo": "args.memo"},
        },
    }


SCHEMA: dict[str, Any] = {
    "plan_schema": 1,
    "domain": "bank",
    "types": {"Account": {"type": "string", "pattern": "^a[0-9]$"}, "Page": TEXT},
    "entities": {
        "account": {"key": "Account", "read": "look", "arg": "account"},
        "page": {"key": "Page", "read": "written", "arg": "text"},
    },
    "facts": {"seen": {"entity": "account"}},
    "labels": {"private": {"readers": ["owner"]}},
    "limits": {"steps": 40, "depth": 20, "width": 20, "writes": 40, "sums": {"taken": 1000}},
    "tools": {
        "look": {
            "does": "Read an account",
            "effect": "read",
            "args": {"account": {"type-name": "Account"}},
            "returns": {
                "type": "object",
                "properties": {"account": {"type-name": "Account"}, "balance": {"type": "integer"}},
                "required": ["account", "balance"],
            },
            "echoes": {"/account": "account"},
            "establishes": ["seen(args.account)"],
            "labels": {"/balance": ["private"]},
            "retries": 2,
            "timeout_s": 2,
        },
        "add": move("Put money into an account", "take"),
        "take": {
            **move("Take money out of an account", "add"),
            "guards": [
                {
                    "id": "covered",
                    "expr": "args.cents <= account.balance",
                    "says": "the account covers it",
                }
            ],
            "ensures": [{"id": "moved", "expr": "result.ok", "says": "the money moved"}],
            "consumes": {"taken": "args.cents"},
        },
        "write": {
            **WRITE,
            "does": "Write in a book that can be read again",
            "reconcile": "written",
        },
        "written": {
            "does": "Whether the book says so",
            "effect": "read",
            "args": {"text": TEXT},
            "returns": {},
        },
        "shout": {**WRITE, "does": "Say something no one writes down"},
        "once": {**WRITE, "does": "Write once", "once_per": ["text"], "key": ["text"]},
        "pick": {
            "does": "Give back an account by its name",
            "effect": "pure",
            "args": {"text": TEXT},
            "returns": {
                "type": "object",
                "properties": {"account": {"type-name": "Account"}},
                "required": ["account"],
            },
        },
        "close": {
            "does": "Close an account that has been looked at",
            "effect": "write",
            "args": {"account": {"type-name": "Account"}},
            "entity": {"account": "args.account"},
            "requires": ["seen(args.account)"],
        },
        "forget": {
            **WRITE,
            "does": "Forget what was seen of an account",
            "args": {"text": TEXT, "account": {"type-name": "Account"}},
            "kills": ["seen(args.account)"],
        },
        "ask": {"does": "Ask for consent", "effect": "read", "args": {}, "approves": True},
        "pay": {
            **move("Pay, for good", "add"),
            "effect": "irreversible",
            "requires": ["approved"],
            "compensate": None,
        },
        "echo": {
            "does": "Give back a text",
            "effect": "pure",
            "args": {"text": TEXT},
            "returns": NOTE,
            "fallible": False,
        },
    },
}
for tool in ("write", "shout", "once", "add", "take", "close", "forget"):
    SCHEMA["tools"][tool]["waives"] = WAIVED


@cache
def bank() -> Compiled:
    """The compiled bank."""
    return compile_domain(SchemaSource("bank", SCHEMA))


def checked(steps: list[dict[str, Any]], state: State | None = None) -> Checked:
    """The plan, let pass; the test's own fault if it is not."""
    verdict = check(bank(), bank().read(steps), state)
    assert isinstance(verdict, Checked), [str(v) for v in verdict.violations]
    return verdict


@dataclass(frozen=True)
class Http:
    """A connection to a running bank."""

    port: int

    def snapshot(self) -> Json:
        return None

    def close(self) -> None:
        pass

    def ask(self, tool: str, args: Mapping[str, Any], key: str, limit: float) -> Json:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit)
        try:
            line.request("POST", f"/{tool}", json.dumps({"args": args, "key": key, "limit": limit}))
            answer = line.getresponse()
            body: Json = json.loads(answer.read())
        except TimeoutError:
            raise ToolError("timeout_unknown", "no answer", where=tool) from None
        except ConnectionRefusedError:
            raise ToolError("unavailable", "no service", where=tool) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ToolError("timeout_unknown", str(error), where=tool) from None
        finally:
            line.close()
        if answer.status == 409:
            raise ToolError("conflict", str(body), where=tool)
        return body


def over_http(tool: str) -> Callable[[Mapping[str, Any], Call], Json]:
    def adapter(args: Mapping[str, Any], call: Call) -> Json:
        keyed = SCHEMA["tools"][tool].get("key") is not None
        answer: Json = call.world.ask(tool, args, call.key if keyed else "", call.timeout_s)
        return answer

    return adapter


def echo(args: Mapping[str, Any], call: Call) -> Json:
    return dict(args)


def pick(args: Mapping[str, Any], call: Call) -> Json:
    return {"account": args["text"]}


LOCAL = {"echo": echo, "pick": pick}


HTTP = Adapters(
    tools={name: over_http(name) for name in SCHEMA["tools"] if name not in ("ask", *LOCAL)}
    | LOCAL,
    connect=lambda settings: Http(int(settings["port"])),
    twin=lambda changes: Memory(),
)


@dataclass
class Memory:
    """A bank in memory that does what it is told: `faults` lists what each call of a tool meets."""

    faults: dict[str, list[Any]] = field(default_factory=dict)
    effects: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    balances: dict[str, int] = field(default_factory=dict)
    wait: Callable[[str, Mapping[str, Any]], None] = lambda tool, args: None

    def snapshot(self) -> Json:
        return [[tool, dict(args)] for tool, args, _ in self.effects]

    def close(self) -> None:
        pass


def in_memory(tool: str) -> Callable[[Mapping[str, Any], Call], Json]:
    def adapter(args: Mapping[str, Any], call: Call) -> Json:
        world: Memory = call.world
        world.calls.append(tool)
        world.wait(tool, args)
        fault = world.faults.get(tool, []).pop(0) if world.faults.get(tool) else None
        if isinstance(fault, str) and fault != "after":
            raise ToolError(fault, "as told", where=tool)  # type: ignore[arg-type]
        result = _answer(world, tool, args, call)
        if fault == "after":
            raise ToolError("timeout_unknown", "committed, and no answer", where=tool)
        return result if fault is None else fault(result)

    return adapter


def _answer(world: Memory, tool: str, args: Mapping[str, Any], call: Call) -> Json:
    if tool == "look":
        return {"account": args["account"], "balance": world.balances.get(args["account"], 1000)}
    if tool == "written":
        happened = any(t == "write" and a == dict(args) for t, a, _ in world.effects)
        return {"happened": happened, "result": dict(args)}
    keyed = SCHEMA["tools"][tool].get("key") is not None
    if not keyed or call.key not in {key for _, _, key in world.effects}:
        world.effects.append((tool, dict(args), call.key))
        if tool in ("add", "take"):
            sign = 1 if tool == "add" else -1
            old = world.balances.get(args["account"], 1000)
            world.balances[args["account"]] = old + sign * args["cents"]
    return {**args, "ok": True} if tool in ("add", "take", "pay") else dict(args)


MEMORY = Adapters(
    tools={name: in_memory(name) for name in SCHEMA["tools"] if name not in ("ask", *LOCAL)}
    | LOCAL,
    connect=lambda settings: Memory(),
    twin=lambda changes: Memory(),
)


@contextmanager
def service(database: Path, *, seed: int = 0, rate: float = 0.0) -> Iterator[int]:
    """A bank in its own process; gives its port."""
    script = Path(__file__).with_name("service.py")
    command = [sys.executable, str(script), str(database), str(seed), str(rate)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
