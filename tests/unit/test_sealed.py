"""The sealed store: a value comes back by its name, says nothing without it, and can be erased."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from bb_core.canonical import canonical, digest_json
from bb_core.record import Record
from bb_infra.errors import LedgerError
from bb_infra.ledger import LedgerFile
from bb_infra.sealed import FILE, KEY, Sealed, own_sealed
from bb_infra.verify import verify

VALUES: list[Any] = ["", "a plan", None, 7, [], {"b": [1, None], "a": "ä"}]
PERSON = "bianca.xu@example.com"


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back_by_its_name_and_by_the_short_one(tmp_path: Path, value: Any) -> None:
    sealed = own_sealed(tmp_path / "new")
    name = sealed(value)
    assert sealed.read(name) == value == sealed.read(sealed.hide(value))
    assert own_sealed(tmp_path / "new").read(name) == value


def test_equal_values_have_one_name_and_it_is_not_their_digest(tmp_path: Path) -> None:
    sealed, other = own_sealed(tmp_path / "a"), own_sealed(tmp_path / "b")
    name = sealed({"a": 1, "b": 2})
    assert name == sealed({"b": 2, "a": 1}) != digest_json({"a": 1, "b": 2})
    assert other({"a": 1, "b": 2}) != name


def test_nothing_can_be_read_from_the_files(tmp_path: Path) -> None:
    sealed = own_sealed(tmp_path)
    sealed({"who": PERSON})
    sealed.hide(PERSON)
    told = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert PERSON.encode() not in told
    assert digest_json(PERSON).removeprefix("sha256:").encode() not in told
    assert all(p.stat().st_mode & 0o077 == 0 for p in tmp_path.iterdir())


def test_a_value_known_only_by_its_digest_can_be_named_and_given_later(tmp_path: Path) -> None:
    sealed = own_sealed(tmp_path)
    name = sealed.named(digest_json({"steps": []}))
    with pytest.raises(LedgerError, match="erased"):
        sealed.read(name)
    assert sealed({"steps": []}) == name
    assert sealed.read(name) == {"steps": []}
    assert sealed.named(digest_json({"steps": []})) == name
    assert sealed.named("") == ""


def test_erased_values_are_gone_and_the_ledger_still_verifies(tmp_path: Path) -> None:
    sealed = own_sealed(tmp_path)
    with LedgerFile(tmp_path / "ledger.jsonl") as ledger:
        names = [sealed({"who": PERSON, "n": n}) for n in range(3)]
        kept = sealed({"who": "somebody else"})
        for name in [*names, kept]:
            ledger(Record("result", "sha256:a", body={"text": name}))
    before = (tmp_path / "ledger.jsonl").read_bytes()
    assert sealed.containing(PERSON) == names
    assert sealed.erase(sealed.containing(PERSON)) == 3
    assert sealed.containing(PERSON) == []
    for name in names:
        with pytest.raises(LedgerError, match="has been erased"):
            sealed.read(name)
    assert sealed.read(kept) == {"who": "somebody else"}
    assert (tmp_path / "ledger.jsonl").read_bytes() == before
    assert verify(tmp_path / "ledger.jsonl", public_key=None).ok


def test_what_was_erased_gets_another_name(tmp_path: Path) -> None:
    """With the salt gone, whoever guesses the value cannot show that the old name stood for it."""
    sealed = own_sealed(tmp_path)
    name = sealed(PERSON)
    assert sealed.erase([name]) == 1
    assert sealed.erase([name]) == 0
    assert sealed(PERSON) != name


def test_erased_bytes_are_not_left_in_the_files(tmp_path: Path) -> None:
    sealed = own_sealed(tmp_path)
    name = sealed("x" * 3000)
    with sqlite3.connect(tmp_path / FILE) as db:
        (box,) = db.execute("SELECT box FROM boxes").fetchone()
    sealed.erase([name])
    sealed.close()
    assert not any(box[20:200] in p.read_bytes() for p in tmp_path.iterdir())


def test_another_key_reads_nothing(tmp_path: Path) -> None:
    name = own_sealed(tmp_path)("x")
    (tmp_path / KEY).write_bytes(b"k" * 32)
    with pytest.raises(LedgerError, match="the key is another"):
        own_sealed(tmp_path).read(name)
    (tmp_path / KEY).chmod(0o644)
    with pytest.raises(LedgerError, match="chmod 600"):
        own_sealed(tmp_path)
    with pytest.raises(LedgerError, match="no sealing key"):
        Sealed(tmp_path / FILE, b"")


def test_a_box_moved_under_another_name_is_refused(tmp_path: Path) -> None:
    sealed = own_sealed(tmp_path)
    one, two = sealed("one"), sealed("two")
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("UPDATE boxes SET box = (SELECT box FROM boxes WHERE name = ?)", (one,))
    assert sealed.read(one) == "one"
    with pytest.raises(LedgerError, match="not what the ledger names"):
        sealed.read(two)
    again = sealed("two")
    assert sealed.read(again) == "two"


@pytest.mark.parametrize(
    "name", ["", "sha256:", "sha256:../../etc/passwd", "sha256:*", "#*", "x\0y"]
)
def test_a_name_that_is_none_reads_and_erases_nothing(tmp_path: Path, name: str) -> None:
    sealed = own_sealed(tmp_path)
    sealed("x")
    for act in (sealed.read, lambda n: sealed.erase([n])):
        with pytest.raises(LedgerError, match="no payload's name"):
            act(name)


def test_where_nothing_can_be_kept_the_error_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError):
        own_sealed(tmp_path / "file")
    (tmp_path / FILE).write_bytes(b"no database" * 200)
    with pytest.raises(LedgerError, match=r"payload could not be written .*Free some space"):
        own_sealed(tmp_path)("x")


@pytest.mark.parametrize("value", [2**60, float("nan"), "\ud800", {"\ud800": 1}])
def test_a_value_without_a_canonical_form_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(LedgerError, match="not plain JSON"):
        own_sealed(tmp_path)(value)


def test_whoever_comes_second_takes_the_key_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw none; the other's was there by the time this one is made."""
    name = own_sealed(tmp_path)(7)
    monkeypatch.setattr(Path, "exists", lambda self: False)
    assert own_sealed(tmp_path).read(name) == 7
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_threads_and_stores_agree_on_names(tmp_path: Path) -> None:
    found: list[list[str]] = []

    def keep() -> None:
        sealed = own_sealed(tmp_path)
        found.append([sealed(n) for n in range(40)])

    own_sealed(tmp_path)
    threads = [threading.Thread(target=keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(row == found[0] for row in found)
    assert own_sealed(tmp_path).read(found[0][7]) == 7
    assert canonical(7) == b"7"
