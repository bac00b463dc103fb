"""A ledger without checkpoints is not called verified, and a young one is not called broken."""

from pathlib import Path

import pytest

from bb_core.record import Record
from bb_infra.checkpoint import EVERY, SigningKey, new_key
from bb_infra.ledger import LedgerFile
from bb_infra.verify import Verification, sidecar, verify

KEY = SigningKey(new_key())


def unsigned(log: Path, size: int) -> Verification:
    """A ledger of so many records whose checkpoints were taken away, or never written."""
    with LedgerFile(log, KEY) as ledger:
        for n in range(size):
            ledger(Record("result", "sha256:a", body={"n": n}))
    assert verify(log, public_key=KEY.public).state == "verified"
    kept = sidecar(log).read_text()
    sidecar(log).unlink()
    log.with_name("held").write_text(kept)
    return verify(log, public_key=KEY.public)


@pytest.mark.parametrize("size", [1, EVERY])
def test_what_a_killed_run_may_leave_is_whole_but_nothing_of_it_is_signed(
    tmp_path: Path, size: int
) -> None:
    found = unsigned(tmp_path / "log.jsonl", size)
    assert (found.ok, found.state) == (True, "nothing is signed")


def test_a_ledger_that_was_signed_once_and_is_not_now_is_a_problem(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    found = unsigned(log, 2 * EVERY)
    assert [problem.found for problem in found.problems] == [
        "nothing is signed, though every 256 records are: log.jsonl.checkpoints is gone"
    ]
    held = [log.with_name("held")]
    assert verify(log, checkpoints=held, public_key=KEY.public).state == "verified"


def test_an_empty_ledger_has_nothing_to_sign(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").touch()
    assert verify(tmp_path / "log.jsonl", public_key=KEY.public).state == "verified"
