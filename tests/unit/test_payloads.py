"""Payloads: a file is what its name says, and one that cannot be kept or read is an error."""

from pathlib import Path
from typing import Any

import pytest

from bb_core.canonical import canonical, digest_json
from bb_infra.errors import LedgerError
from bb_infra.payloads import Payloads

VALUES: list[Any] = ["", "a plan", None, 7, [], {"b": [1, None], "a": "ä"}]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back_by_its_digest(tmp_path: Path, value: Any) -> None:
    payloads = Payloads(tmp_path / "new" / "payloads")
    name = payloads(value)
    assert name == digest_json(value)
    assert payloads.read(name) == value
    (kept,) = payloads.folder.iterdir()
    assert (kept.read_bytes(), kept.stem) == (canonical(value), name.removeprefix("sha256:"))


def test_a_value_is_kept_once(tmp_path: Path) -> None:
    payloads = Payloads(tmp_path)
    payloads({"a": 1})
    (kept,) = tmp_path.iterdir()
    first = kept.stat().st_ino
    payloads({"a": 1})
    assert [path.stat().st_ino for path in tmp_path.iterdir()] == [first]


def test_the_folder_is_its_owners(tmp_path: Path) -> None:
    payloads = Payloads(tmp_path / "payloads")
    payloads("x")
    assert payloads.folder.stat().st_mode & 0o077 == 0


def test_what_was_erased_is_said_to_be_gone(tmp_path: Path) -> None:
    payloads = Payloads(tmp_path)
    name = payloads("x")
    (tmp_path / f"{name.removeprefix('sha256:')}.json").unlink()
    with pytest.raises(LedgerError, match="has been erased"):
        payloads.read(name)


@pytest.mark.parametrize("data", [b"", b'"y"', b'"x" ', b"\xff"])
def test_what_was_changed_is_refused(tmp_path: Path, data: bytes) -> None:
    payloads = Payloads(tmp_path)
    name = payloads("x")
    (tmp_path / f"{name.removeprefix('sha256:')}.json").write_bytes(data)
    with pytest.raises(LedgerError, match="not what the ledger names"):
        payloads.read(name)


@pytest.mark.parametrize("data", [b"", b'"y"'])
def test_what_was_changed_is_mended_when_it_is_kept_again(tmp_path: Path, data: bytes) -> None:
    payloads = Payloads(tmp_path)
    name = payloads("x")
    (tmp_path / f"{name.removeprefix('sha256:')}.json").write_bytes(data)
    assert payloads("x") == name
    assert payloads.read(name) == "x"


@pytest.mark.parametrize("name", ["", "sha256:", "sha256:../../etc/passwd", "/etc/passwd", "x\0y"])
def test_a_name_that_is_no_digest_reads_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / ".json").write_bytes(b"1")
    with pytest.raises(LedgerError):
        Payloads(tmp_path).read(name)


def test_where_nothing_can_be_kept_the_error_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match=r"payload could not be written .*Free some space"):
        Payloads(tmp_path / "file")("x")


@pytest.mark.parametrize("value", [2**60, float("nan"), "\ud800", {"\ud800": 1}])
def test_a_value_without_a_canonical_form_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(LedgerError, match="not plain JSON"):
        Payloads(tmp_path)(value)
    assert list(tmp_path.iterdir()) == []
