"""kill -9 at chosen instants: before the effect, after it, in the middle of parallel branches."""

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bb_core.adapters import Adapters, Call
from bb_core.canonical import Json
from bb_core.errors import ToolError, ToolFault
from bb_runtime import durable
from bb_runtime.approve import Request, by_policy
from bb_runtime.durable import Durable
from bb_runtime.errors import DurableError
from bb_runtime.execute import RunResult, execute
from bb_runtime.job import Settings
from tests.bank.domain import HTTP, Http, checked, service

A = "sha256:" + "a" * 64
Steps = list[dict[str, Any]]
ADD = {"id": "n1", "tool": "add", "args": {"account": "a1", "cents": 5, "memo": "x"}}
AFTER = {"id": "n2", "tool": "look", "args": {"account": "a1"}, "after": ["n1"]}


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with service(tmp_path / "bank.db") as found:
        yield found


def die(*_: object) -> Json:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def dying(tool: str, *, before: bool) -> Adapters:
    """The bank's adapters, one of which takes its process along, before its effect or after it."""

    def adapter(args: Mapping[str, Any], call: Call) -> Json:
        if not before:
            HTTP.tools[tool](args, call)
        return die()

    return Adapters({**HTTP.tools, tool: adapter}, HTTP.connect, HTTP.twin)


def child(work: Callable[[], object]) -> int:
    """Run the work in a process of its own; the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


def carry(
    folder: Path, port: int, steps: Steps, adapters: Adapters = HTTP, **more: Any
) -> RunResult:
    chosen = {"settings": Settings(backoff_s=0.01), "run": "r", "artifact": A} | more
    with Durable(f"sqlite:///{folder}/runs.db", A) as engine:
        return execute(checked(steps), adapters, Http(port), engine=engine, **chosen)


def effects(folder: Path) -> list[tuple[str, Any]]:
    with sqlite3.connect(folder / "bank.db") as db:
        rows = db.execute("SELECT tool, args FROM effects ORDER BY id").fetchall()
    return [(tool, json.loads(args)) for tool, args in rows]


@pytest.mark.parametrize("before", [True, False], ids=["before the effect", "after the effect"])
def test_a_tool_with_a_key_acts_once(tmp_path: Path, port: int, before: bool) -> None:
    steps = [ADD, AFTER]
    killed = child(lambda: carry(tmp_path, port, steps, dying("add", before=before)))
    assert killed == signal.SIGKILL
    found = carry(tmp_path, port, steps)
    assert (found.status, found.results["n2"]) == ("done", {"account": "a1", "balance": 1005})
    assert effects(tmp_path) == [("add", ADD["args"])]


@pytest.mark.parametrize("before", [True, False], ids=["before the effect", "after the effect"])
def test_a_tool_that_is_reconciled_acts_once(tmp_path: Path, port: int, before: bool) -> None:
    steps = [{"id": "n1", "tool": "write", "args": {"text": "x"}}]
    child(lambda: carry(tmp_path, port, steps, dying("write", before=before)))
    found = carry(tmp_path, port, steps)
    assert (found.status, found.results) == ("done", {"n1": {"text": "x"}})
    assert effects(tmp_path) == [("write", {"text": "x"})]


@pytest.mark.parametrize("before", [True, False], ids=["before the effect", "after the effect"])
def test_a_tool_nobody_can_ask_is_parked_never_repeated(
    tmp_path: Path, port: int, before: bool
) -> None:
    steps = [
        {"id": "n1", "tool": "shout", "args": {"text": "x"}},
        {"id": "n2", "tool": "echo", "args": {"text": "y"}, "after": ["n1"]},
    ]
    child(lambda: carry(tmp_path, port, steps, dying("shout", before=before)))
    found = carry(tmp_path, port, steps)
    assert [out.status for out in found.outcomes.values()] == ["parked", "not_run"]
    assert len(effects(tmp_path)) == (0 if before else 1)


@pytest.mark.parametrize("kind", ["invalid", "conflict", "unavailable"])
def test_a_fault_of_the_second_sending_does_not_disprove_the_first(
    tmp_path: Path, port: int, kind: ToolFault
) -> None:
    child(lambda: carry(tmp_path, port, [ADD], dying("add", before=False)))

    def refuse(args: Mapping[str, Any], call: Call) -> Json:
        raise ToolError(kind, "not now")

    refusing = Adapters({**HTTP.tools, "add": refuse}, HTTP.connect, HTTP.twin)
    assert carry(tmp_path, port, [ADD], refusing).status == "parked"
    assert len(effects(tmp_path)) == 1


def test_stale_guards_are_held_again_before_a_call_is_sent_again(tmp_path: Path, port: int) -> None:
    steps = [{"id": "n1", "tool": "take", "args": {"account": "a1", "cents": 400, "memo": "x"}}]
    child(lambda: carry(tmp_path, port, steps, dying("take", before=True)))
    for memo in ("p", "q"):
        Http(port).ask("take", {"account": "a1", "cents": 400, "memo": memo}, memo, 1)
    found = carry(tmp_path, port, steps, settings=Settings(guard_life_s=0.0))
    assert found.status == "parked"
    assert len(effects(tmp_path)) == 2


def test_whoever_consented_is_not_asked_again(tmp_path: Path, port: int) -> None:
    steps = [
        {"id": "n1", "tool": "ask", "args": {}},
        {"id": "n2", "tool": "pay", "args": ADD["args"], "after": ["n1"]},
    ]
    yes, asked = by_policy(lambda request: True), list[Request]()
    child(lambda: carry(tmp_path, port, steps, dying("pay", before=False), approve=yes))
    found = carry(tmp_path, port, steps, approve=by_policy(lambda r: bool(asked.append(r))))
    assert (found.status, asked, len(effects(tmp_path))) == ("done", [], 1)


def test_a_run_in_progress_is_left_alone(tmp_path: Path, port: int) -> None:
    read, write = os.pipe()

    def hold(args: Mapping[str, Any], call: Call) -> Json:
        os.write(write, b".")
        time.sleep(60)
        return None

    slow = Adapters({**HTTP.tools, "look": hold}, HTTP.connect, HTTP.twin)
    pid = os.fork()
    if pid == 0:
        carry(tmp_path, port, [AFTER | {"after": []}], slow)
        os._exit(0)
    os.read(read, 1)
    try:
        with pytest.raises(DurableError, match="carried out by another process"):
            carry(tmp_path, port, [AFTER | {"after": []}])
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert carry(tmp_path, port, [AFTER | {"after": []}]).status == "done"


CHAINS: Steps = [
    {"id": f"{branch}{i}", "tool": "echo", "args": {"text": f"{branch}{i}"}}
    | ({"after": [f"{branch}{i - 1}"]} if i > 1 else {})
    for i in (1, 2, 3)
    for branch in "ab"
]


def chains(killer: str) -> Adapters:
    """A slow chain a and a fast chain b; one call ends the process."""

    def echo(args: Mapping[str, Any], call: Call) -> Json:
        time.sleep(0.15 if args["text"].startswith("a") else 0.01)
        return die() if args["text"] == killer else dict(args)

    return Adapters({**HTTP.tools, "echo": echo}, HTTP.connect, HTTP.twin)


@pytest.mark.parametrize("killer", ["a2", "a3", "b3"])
def test_no_step_gets_another_steps_result(tmp_path: Path, port: int, killer: str) -> None:
    assert child(lambda: carry(tmp_path, port, CHAINS, chains(killer))) == signal.SIGKILL
    found = carry(tmp_path, port, CHAINS, chains(""))
    assert found.results == {s["id"]: {"text": s["id"]} for s in CHAINS}


def in_call_order(name: str) -> durable.Slot:
    """What the engine must not do: draw a step's number when it starts, and name them all alike."""
    from dbos import DBOS

    return lambda work: DBOS.run_step({"name": "step"}, work)


def test_the_trap_is_there(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without reserved numbers the same kill swaps results: the test above proves something."""
    monkeypatch.setattr(durable, "_reserve", in_call_order)
    child(lambda: carry(tmp_path, port, CHAINS, chains("a3")))
    # One at a time, so that the second life surely draws its numbers in another order.
    found = carry(tmp_path, port, CHAINS, chains(""), settings=Settings(parallel=1))
    right = {s["id"]: {"text": s["id"]} for s in CHAINS}
    assert found.status == "done"
    assert {s: out.result for s, out in found.outcomes.items()} != right
