"""A state folder that is damaged, locked, full or not ours: one line, and nothing half done."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.desk import RUN, Desk, said, set_up


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return set_up(tmp_path, monkeypatch)


@pytest.mark.parametrize("resumes", [False, True])
def test_a_damaged_run_database(desk: Desk, resumes: bool) -> None:
    desk.write(".bb/runs.db", os.urandom(9000))
    words = ("run", "api_json", "--resume", "run-0") if resumes else RUN
    found = desk.says(*words)
    assert found.startswith(".bb/runs.db: the run database cannot be used: file is not a database.")
    assert "move this one away" in found
    (desk.folder / ".bb" / "runs.db").unlink()
    desk.still_runs()


def test_a_page_of_the_run_database_that_is_damaged(desk: Desk) -> None:
    database = desk.ran() / "runs.db"
    data = bytearray(database.read_bytes())
    data[4096:12288] = os.urandom(8192)
    database.write_bytes(data)
    for word in ("wal", "shm"):
        database.with_name(f"runs.db-{word}").unlink(missing_ok=True)
    assert desk.says(*RUN).startswith(".bb/runs.db: the run database cannot be used: ")


LEDGERS: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda data: data + b"garbage\n", ".bb/ledger.jsonl:5: the last line is not a record: "),
    (
        lambda data: data.replace(b'"verdict"', b'"verdikt"', 1),
        ".bb/ledger.jsonl:4: the records up to here are not those it signed",
    ),
    (lambda data: data[: len(data) // 2], ".bb/ledger.jsonl:"),
    (lambda data: b"", ".bb/ledger.jsonl:0: it signed 4 records; the end was cut off"),
]


@pytest.mark.parametrize(("damage", "wanted"), LEDGERS)
def test_a_damaged_ledger(desk: Desk, damage: Callable[[bytes], bytes], wanted: str) -> None:
    log = desk.ran() / "ledger.jsonl"
    data = damage(log.read_bytes())
    log.write_bytes(data)
    found = desk.says(*RUN)
    assert found.startswith(wanted)
    assert found.endswith(
        "See 'bb log verify .bb/ledger.jsonl', then move it aside to begin a new one"
    )
    assert log.read_bytes() == data
    assert desk.bb("log", "verify", ".bb/ledger.jsonl").returncode == 1


def test_a_damaged_ledger_and_those_who_only_read_it(desk: Desk) -> None:
    log = desk.ran() / "ledger.jsonl"
    log.write_bytes(log.read_bytes() + b"garbage\n")
    for words in (("plan", "replay", ".bb/ledger.jsonl"), ("run", "api_json", "--resume", "r")):
        found = desk.says(*words)
        assert found.startswith(".bb/ledger.jsonl:5: it is not canonical JSON")
        assert found.endswith("Run: bb log verify .bb/ledger.jsonl")


def test_a_ledger_another_process_writes_to(desk: Desk) -> None:
    lock = desk.write(".bb/ledger.jsonl.lock", "4711\n")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = desk.says(*RUN)
    assert found.startswith(".bb/ledger.jsonl: process 4711 is writing to it. Wait for that run")
    desk.still_runs()


def _folder_instead(key: Path) -> None:
    key.unlink()
    key.mkdir()


KEYS: list[tuple[Callable[[Path], object], str]] = [
    (
        lambda key: key.chmod(0o644),
        "others can read the signing key. Run: chmod 600 .bb/ledger.key",
    ),
    (lambda key: key.write_text("x\n"), "this is not a signing key. Move the file aside"),
    (lambda key: key.write_bytes(b"\xff\xfe"), "this is not a signing key. Move the file aside"),
    (
        lambda key: key.write_text(key.read_text()[:-9] + "AAAAAAA=\n"),
        "the signing key is damaged. Move the file aside",
    ),
    (_folder_instead, "this is not a signing key. Move the file aside"),
]


@pytest.mark.parametrize(("damage", "wanted"), KEYS)
def test_a_key_that_cannot_be_used(
    desk: Desk, damage: Callable[[Path], object], wanted: str
) -> None:
    key = desk.ran() / "ledger.key"
    before = (desk.folder / ".bb" / "ledger.jsonl").read_bytes()
    damage(key)
    assert desk.says(*RUN).startswith(f".bb/ledger.key: {wanted}")
    assert (desk.folder / ".bb" / "ledger.jsonl").read_bytes() == before


@pytest.mark.parametrize("data", [b"x", b"\xff\xfe"])
def test_a_public_key_that_is_none(desk: Desk, data: bytes) -> None:
    public = desk.ran() / "ledger.pub"
    public.write_bytes(data)
    found = desk.says("log", "verify", ".bb/ledger.jsonl")
    assert found.startswith(".bb/ledger.pub: ")
    assert "is not a public key. Give it as name+hash+base64" in found
    desk.still_runs()  # which puts the public half beside its key again


def test_a_state_folder_that_is_a_file(desk: Desk) -> None:
    desk.write(".bb", "")
    found = desk.says(*RUN)
    assert found.startswith(".bb/ledger.key: no signing key can be kept there (")
    assert "name another folder as [run] state" in found.replace("Name", "name")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_state_folder_that_cannot_be_written(desk: Desk) -> None:
    (desk.folder / ".bb").mkdir(mode=0o500)
    assert desk.says(*RUN).startswith(".bb/ledger.key: no signing key can be kept there (Permis")


@pytest.mark.parametrize("most", [0, 20, 20_000])
def test_a_disk_that_takes_only_so_much(desk: Desk, most: int) -> None:
    found = said(desk.apart(*RUN, most=most))
    assert ".bb/" in found
    assert "full" in found or "File too large" in found or "disk I/O error" in found
    desk.still_runs()
