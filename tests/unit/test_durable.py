"""The durable engine: one test for each of DBOS's traps, and one line for each bad database."""

import builtins
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bb_core.adapters import Call
from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_core.record import Record
from bb_runtime.durable import Durable
from bb_runtime.errors import DurableError
from bb_runtime.execute import Outcome, RunResult, execute
from bb_runtime.job import Settings
from bb_runtime.lease import FileLeases
from bb_runtime.onestep import act
from tests.bank.domain import MEMORY, Memory, checked

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
PLAN: list[dict[str, Any]] = [
    {"id": "n1", "tool": "look", "args": {"account": "a3"}},
    {"id": "n2", "tool": "add", "args": {"account": "a1", "cents": 5, "memo": "x"}},
    {"id": "n3", "tool": "echo", "args": {"text": {"$ref": "n2/memo"}}},
]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    yield f"sqlite:///{tmp_path}/runs.db"


def run(
    engine: Durable, world: Memory, *, steps: list[dict[str, Any]] = PLAN, **more: Any
) -> RunResult:
    chosen = {"artifact": A, "run": "r", "settings": Settings(backoff_s=0.001)} | more
    return execute(checked(steps), MEMORY, world, engine=engine, **chosen)


def outputs(url: str) -> list[tuple[str, str]]:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as db:
        found = db.execute(
            "SELECT function_name, output FROM operation_outputs ORDER BY function_id"
        )
        return found.fetchall()


def test_a_durable_run_is_the_run_it_would_be_in_memory(url: str) -> None:
    with Durable(url, A) as engine:
        found = run(engine, Memory())
    assert found.results == run_inline().results
    assert found.status == "done"


def run_inline() -> RunResult:
    return execute(checked(PLAN), MEMORY, Memory(), run="r")


def test_a_finished_run_gives_its_result_again_and_repeats_nothing(url: str) -> None:
    world, book = Memory(), list[Record]()
    for _ in range(2):
        with Durable(url, A) as engine:
            found = run(engine, world, ledger=book.append)
            assert found == run(engine, world, ledger=book.append)
    assert len(world.effects) == 1
    assert [r.type for r in book].count("done") == 1


def test_step_names_say_step_tool_and_schema(url: str) -> None:
    with Durable(url, A) as engine:
        run(engine, Memory())
    digest = checked(PLAN).compiled.digest.removeprefix("sha256:")[:8]
    names = [name for name, _ in outputs(url)]
    assert f"n2:add@{digest}" in names
    assert f"n2:add@{digest}:intent" in names


def test_results_are_kept_as_plain_json(url: str) -> None:
    with Durable(url, A) as engine:
        run(engine, Memory())
    assert all(output[0] in '{"' for _, output in outputs(url))
    assert '"balance":1000' in dict(outputs(url))[next(n for n, _ in outputs(url) if "look" in n)]


def test_sqlite_has_a_write_ahead_log(url: str) -> None:
    with Durable(url, A) as engine:
        run(engine, Memory())
        with sqlite3.connect(url.removeprefix("sqlite:///")) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with engine._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1


def test_a_run_goes_on_only_under_the_artifact_it_was_checked_with(url: str) -> None:
    with Durable(url, A) as engine:
        run(engine, Memory())
    with Durable(url, B) as engine:
        with pytest.raises(DurableError, match="begun under artifact sha256:aaaa"):
            run(engine, Memory(), artifact=B)
        with pytest.raises(DurableError, match="this engine is for artifact sha256:bbbb"):
            run(engine, Memory())


def test_a_run_goes_on_only_with_its_own_plan(url: str) -> None:
    with Durable(url, A) as engine:
        run(engine, Memory())
        with pytest.raises(DurableError, match="another plan"):
            run(engine, Memory(), steps=PLAN[:2])


def test_one_engine_at_a_time_and_as_many_as_you_like_after(url: str) -> None:
    for _ in range(3):
        with Durable(url, A), pytest.raises(DurableError, match="a durable engine already"):
            Durable(url, B)


def test_a_run_is_kept_with_what_resuming_it_needs(url: str) -> None:
    with Durable(url, A) as engine:
        assert engine.stored("r.0") is None
        run(engine, Memory(), note={"request": "tea"})
        stored = engine.stored("r.0")
        assert stored is not None
        assert (stored.run, stored.artifact, stored.finished) == ("r", A, True)
        assert stored.note == {"request": "tea"}
        assert checked(PLAN).compiled.read(stored.plan) == checked(PLAN).plan
        assert engine.unfinished() == ()


def test_parked_is_kept(url: str) -> None:
    steps = [{"id": "n1", "tool": "shout", "args": {"text": "x"}}]
    world = Memory(faults={"shout": ["after"]})
    for _ in range(2):
        with Durable(url, A) as engine:
            assert run(engine, world, steps=steps).status == "parked"
    assert len(world.effects) == 1


def test_half_a_character_in_a_fault_ends_no_run(url: str) -> None:
    def shout(args: Mapping[str, Any], call: Call) -> Json:
        call.world.effects.append(call)
        raise ToolError("timeout_unknown", "bad \ud800", where="shout")

    steps = [{"id": "n1", "tool": "shout", "args": {"text": "x"}}]
    adapters, world = replace(MEMORY, tools={**MEMORY.tools, "shout": shout}), Memory()
    for _ in range(2):
        with Durable(url, A) as engine:
            found = execute(checked(steps), adapters, world, engine=engine, artifact=A, run="r")
        assert found.status == "parked" and "bad \\ud800" in found.outcomes["n1"].why
    assert len(world.effects) == 1


def test_a_run_that_an_error_of_our_own_ended_goes_on(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: Any) -> Outcome:
        act(*given)
        raise RuntimeError("a slip of ours")

    steps, world = [{"id": "n1", "tool": "shout", "args": {"text": "x"}}], Memory()
    with Durable(url, A) as engine:
        with monkeypatch.context() as slip:
            slip.setattr("bb_runtime.carry.act", broken)
            with pytest.raises(DurableError, match="a slip of ours"):
                run(engine, world, steps=steps)
        assert [one.id for one in engine.unfinished()] == ["r.0"]
        found = run(engine, world, steps=steps)
        assert engine.unfinished() == () and run(engine, world, steps=steps) == found
    assert (found.status, len(world.effects)) == ("parked", 1)


def test_undoing_is_durable_too(url: str) -> None:
    fail = {"id": "n3", "tool": "look", "args": {"account": "a2"}, "after": ["n2"]}
    world = Memory(faults={"look": [None, "invalid"]})
    for _ in range(2):
        with Durable(url, A) as engine:
            chosen = Settings(compensate=True)
            found = run(engine, world, steps=[*PLAN[:2], fail], settings=chosen)
    assert [(out.step, out.status) for out in found.compensations] == [("n2", "done")]
    assert [tool for tool, _, _ in world.effects] == ["add", "take"]


def test_nobody_else_reads_what_plans_hold(url: str) -> None:
    path = Path(url.removeprefix("sqlite:///"))

    def modes() -> set[int]:
        return {file.stat().st_mode & 0o777 for file in path.parent.glob("runs.db*")}

    with Durable(url, A) as engine:
        run(engine, Memory())
        assert modes() == {0o600}
    path.chmod(0o644)
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).touch(0o644)
    with Durable(url, A):
        assert modes() == {0o600}


def test_a_file_that_is_no_database_gets_one_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(b"this is no database, it is a letter to my aunt" * 100)
    with pytest.raises(DurableError, match=r"runs\.db: the run database cannot be used: file"):
        Durable(f"sqlite:///{path}", A)


def test_a_damaged_database_gets_one_line(url: str) -> None:
    with Durable(url, A) as engine:
        run(engine, Memory())
    path = Path(url.removeprefix("sqlite:///"))
    data = bytearray(path.read_bytes())
    data[5000:40000] = b"\xff" * 35000
    path.write_bytes(data)
    with pytest.raises(DurableError, match="cannot be used") as found:
        Durable(url, A)
    assert "\n" not in str(found.value)


def test_a_folder_that_cannot_be_made_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DurableError, match="cannot be used"):
        Durable(f"sqlite:///{tmp_path}/file/runs.db", A)


def test_a_server_that_is_not_there_gets_one_line() -> None:
    with pytest.raises(DurableError, match="cannot be used") as found:
        Durable("postgresql+psycopg://me:secret@127.0.0.1:1/none", A)
    assert "secret" not in str(found.value)
    assert "\n" not in str(found.value)


def test_without_dbos_the_fix_is_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def gone(name: str, *args: Any) -> Any:
        if name == "dbos":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", gone)
    with pytest.raises(DurableError, match=r"install 'builderbrain-core\[durable\]'"):
        Durable("sqlite:///nowhere.db", A)


def test_one_process_holds_a_name_once(tmp_path: Path) -> None:
    leases = FileLeases(tmp_path / "lease")
    leases.take("r.0")
    leases.take("r.1")
    with pytest.raises(DurableError, match="another process"):
        leases.take("r.0")
    leases.release("r.0")
    leases.take("r.0")
    leases.close()
