"""Anchors: a ledger cut off or rewritten by the key's own holder is found by what others keep."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bb_core.record import Record
from bb_infra.anchor import anchor, file_in_git, held_at, read_anchor, require_extends
from bb_infra.checkpoint import SigningKey, new_key
from bb_infra.errors import LedgerError
from bb_infra.ledger import LedgerFile
from bb_infra.verify import sidecar, verify

KEY = SigningKey(new_key())


def write(log: Path, *numbers: int) -> None:
    with LedgerFile(log, KEY, every=4, now=lambda: "2026-01-02T03:04:05.678Z") as ledger:
        for n in numbers:
            ledger(Record("result", "sha256:a", body={"n": n}))


def rewritten(log: Path, *numbers: int) -> None:
    """Another history, whole and signed by the same key."""
    for path in (log, sidecar(log)):
        path.unlink()
    write(log, *numbers)
    assert verify(log, public_key=KEY.public).ok


@pytest.fixture(params=["file", "git"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return str(tmp_path / "elsewhere" / "ledger.notes")
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    subprocess.run(["git", "init", "-q", str(tmp_path / "audit")], check=True)
    return f"git:{tmp_path / 'audit'}"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write(tmp_path / "log.jsonl", *range(10))
    return tmp_path / "log.jsonl"


def test_new_checkpoints_are_added_once(log: Path, place: str) -> None:
    first = anchor(log, place, KEY.public)
    assert (first.added, first.size) == (3, 10)
    assert anchor(log, place, KEY.public).added == 0
    write(log, 10, 11)
    again = anchor(log, place, KEY.public)
    assert (again.added, again.size) == (1, 12)
    held = read_anchor(place, log)
    assert held.text == sidecar(log).read_text()
    assert verify(log, held=[held], public_key=KEY.public).ok


@pytest.mark.parametrize("numbers", [range(9), (0, 1, 2, 99, *range(4, 10)), range(1, 12)])
def test_a_signed_rewrite_or_cut_is_found_and_not_anchored(
    log: Path, place: str, numbers: tuple[int, ...]
) -> None:
    anchor(log, place, KEY.public)
    before = read_anchor(place, log)
    rewritten(log, *numbers)
    assert not verify(log, held=[before], public_key=KEY.public).ok
    with pytest.raises(LedgerError, match="against the anchor"):
        anchor(log, place, KEY.public)
    assert read_anchor(place, log) == before


def test_a_ledger_that_is_gone_does_not_extend_what_was_anchored(log: Path, place: str) -> None:
    assert require_extends(log.with_name("new.jsonl"), place, KEY.public).text == ""
    anchor(log, place, KEY.public)
    log.unlink()
    with pytest.raises(LedgerError, match="no ledger here"):
        require_extends(log, place, KEY.public)


def test_notes_taken_out_of_the_repository_are_missed(log: Path, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "audit"
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    anchor(log, f"git:{folder}", KEY.public)
    notes = folder / file_in_git(log)
    notes.write_text("changed, but not committed")
    assert read_anchor(f"git:{folder}", log).text == sidecar(log).read_text()
    notes.write_text("")
    who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    command = ["git", "-C", str(folder), *who, "commit", "-qam", "tidy"]
    subprocess.run(command, check=True)
    with pytest.raises(LedgerError, match="taken out of the repository"):
        read_anchor(f"git:{folder}", log)


def test_a_place_that_cannot_be_used_says_why(log: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="the ledger itself is whole"):
        anchor(log, str(tmp_path / "file" / "notes"), KEY.public)
    if shutil.which("git"):
        with pytest.raises(LedgerError, match=r"no git repository\. Run: git init"):
            anchor(log, f"git:{tmp_path / 'nowhere'}", KEY.public)
    with pytest.raises(LedgerError, match="could not be checked"):
        anchor(log, str(tmp_path / "notes"), None)


def test_a_file_may_be_named_as_one_and_no_other_scheme_is_a_place(tmp_path: Path) -> None:
    log, notes = tmp_path / "ledger.jsonl", tmp_path / "held.notes"
    write(log, 1, 2)
    assert anchor(log, f"file:{notes}", KEY.public).size == 2 and notes.exists()
    for place in ("ftp:x", "https://example.com/notes", "gti:../audit"):
        with pytest.raises(LedgerError, match=r"is no place.*Give a file, or git:FOLDER"):
            anchor(log, place, KEY.public)


def test_a_place_that_holds_nothing_shows_nothing(log: Path, place: str, tmp_path: Path) -> None:
    for empty in (place, str(tmp_path / "slip.notes")):
        with pytest.raises(LedgerError, match=r"no checkpoints of this ledger are there\. Give"):
            held_at(empty, log)
    anchor(log, place, KEY.public)
    assert held_at(place, log) == read_anchor(place, log)
