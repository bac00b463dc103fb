"""The ledger's file: what is written, what is refused, what a power cut or a full disk leaves."""

import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bb_core.record import COMPLETE, Digests, Figures, Record, missing
from bb_infra.checkpoint import SigningKey, new_key, own_key, read_note, verify_signature
from bb_infra.errors import LedgerError
from bb_infra.ledger import LedgerFile
from bb_infra.verify import Verification, sidecar, verify

KEY = SigningKey(new_key())
INTENT = Record("intent", "sha256:a", run="r1", plan="sha256:p", body={"step": "n1", "é": 1.5})


def now() -> str:
    return "2026-01-02T03:04:05.678Z"


def keep(path: Path, count: int, *, every: int = 256) -> None:
    with LedgerFile(path, KEY, every=every, now=now) as ledger:
        for number in range(count):
            ledger(Record("result", "sha256:a", run="r1", body={"n": number}))


def check(path: Path, *held: Path) -> Verification:
    return verify(path, checkpoints=held, public_key=KEY.public)


def found(path: Path, *held: Path) -> list[str]:
    return [str(problem) for problem in check(path, *held).problems]


def test_a_line_is_canonical_json_with_eight_keys(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with LedgerFile(log, now=now) as ledger:
        ledger(INTENT)
    assert log.read_text() == (
        '{"artifact":"sha256:a","body":{"step":"n1","é":1.5},"plan":"sha256:p","prev":"",'
        '"run":"r1","seq":0,"ts":"2026-01-02T03:04:05.678Z","type":"intent"}\n'
    )


def test_the_artifact_digest_covers_all_its_parts() -> None:
    parts = {"base": "m", "grammar": "g", "schema": "s", "config": "c", "rail": "r"}
    whole = Digests(**parts).artifact
    assert whole == Digests(**parts).artifact
    others = {Digests(**parts | {key: "other"}).artifact for key in parts}
    assert len({whole} | others) == 6


@pytest.mark.parametrize("kind", sorted(COMPLETE))
def test_a_record_of_learning_or_deciding_says_all_or_is_not_kept(
    tmp_path: Path, kind: str
) -> None:
    whole = {"figures": Figures().to_json(), "digests": Digests().to_json()}
    with LedgerFile(tmp_path / "log.jsonl") as ledger:
        for block, keys in whole.items():
            with pytest.raises(LedgerError, match=f"does not say {block}[.] Give null"):
                ledger(
                    Record(kind, "sha256:a", body={b: k for b, k in whole.items() if b != block})
                )
            for key in keys:
                less = {**whole, block: {k: v for k, v in keys.items() if k != key}}
                assert missing(Record(kind, "", body=less)) == (f"{block}.{key}",)
                with pytest.raises(LedgerError, match=f"does not say {block}.{key}"):
                    ledger(Record(kind, "sha256:a", body=less))
        assert ledger.size == 0
        ledger(Record(kind, "sha256:a", body={**whole, "more": 1}))
        ledger(Record("result", "sha256:a"))
        assert ledger.size == 2


def test_a_clean_log_verifies(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    keep(log, 10, every=4)
    keep(log, 3, every=4)
    result = check(log)
    assert result.ok
    assert (result.records, result.signed, result.checkpoints) == (13, 13, 4)


def test_records_after_the_last_checkpoint_are_counted_as_unsigned(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    keep(log, 3)
    with LedgerFile(log) as ledger:
        ledger(INTENT)
    result = check(log)
    assert (result.ok, result.records, result.signed) == (True, 4, 3)


def test_every_problem_is_one_line_with_place_finding_and_fix(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    keep(log, 6)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert found(log) == [
        "log.jsonl:3: record 3 stands where record 2 belongs. "
        "Compare it with a copy; do not go on from here",
        "log.jsonl: 5 records, but a checkpoint signed 6: cut off. "
        "Compare it with a copy; do not go on from here",
    ]
    log.write_bytes(b"".join(lines).replace(b'"n":2', b'"n":7'))
    assert [line.split(". ")[0] for line in found(log)] == [
        "log.jsonl:4: record 3 does not follow the line before it",
        "log.jsonl:6: the first 6 records are not those a checkpoint signed",
    ]
    log.write_bytes(b"".join(lines).replace(b'"n":2', b'"n": 2'))
    assert found(log)[0].startswith(
        "log.jsonl:3: this line is not a record: it is JSON, but not written canonically (RFC 8785)"
    )


def test_a_rewritten_chain_is_caught_by_the_checkpoint(tmp_path: Path) -> None:
    log, other = tmp_path / "log.jsonl", tmp_path / "other.jsonl"
    keep(log, 5)
    keep(other, 4)
    sidecar(other).write_bytes(sidecar(log).read_bytes())
    assert "cut off" in found(other)[0]
    with LedgerFile(tmp_path / "third.jsonl", now=now) as ledger:
        for number in range(5):
            ledger(Record("result", "sha256:b", run="r1", body={"n": number}))
    forged = check(tmp_path / "third.jsonl", sidecar(log))
    assert [problem.found for problem in forged.problems] == [
        "this line changed, or a checkpoint is of another log"
    ]


def test_a_checkpoint_held_elsewhere_catches_a_cut_with_its_own_checkpoints_gone(
    tmp_path: Path,
) -> None:
    log, held = tmp_path / "log.jsonl", tmp_path / "held.txt"
    keep(log, 5)
    sidecar(log).rename(held)
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:3]))
    assert check(log).ok  # said in the docstring: nothing on this machine can know
    assert "3 records, but a checkpoint signed 5" in found(log, held)[0]


def test_checkpoints_without_a_key_or_with_a_wrong_one(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    keep(log, 2)
    assert "give the public key" in str(verify(log, public_key=None).problems[0]).lower()
    wrong = verify(log, public_key=SigningKey(new_key()).public)
    assert "no signature by builderbrain.local holds" in str(wrong.problems[0])
    with pytest.raises(LedgerError, match="does not match its own hash"):
        verify(log, public_key=KEY.public[:-4] + "AAAA")
    with pytest.raises(LedgerError, match=r"none.jsonl: there is no ledger here. Give the path"):
        verify(tmp_path / "none.jsonl", public_key=None)
    assert "cannot be read" in found(log, tmp_path / "none.txt")[0]


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_torn_last_line_becomes_a_recovery_note(tmp_path: Path, cut: int) -> None:
    log = tmp_path / "log.jsonl"
    keep(log, 3)
    whole = log.read_bytes()
    log.write_bytes(whole + whole.splitlines()[2][:cut])
    assert "has no end" in found(log)[0]
    with LedgerFile(log, KEY, now=now) as ledger:
        ledger(INTENT)
    assert check(log).ok
    note = json.loads(log.read_text().splitlines()[3])
    assert (note["type"], note["body"]["bytes"]) == ("recovered", cut)
    assert log.read_bytes().startswith(whole)


def test_a_long_torn_tail_is_recovered_too(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    keep(log, 2)
    with log.open("ab") as file:
        file.write(b"\0" * 50_000)
    keep(log, 1)
    assert check(log).ok
    assert check(log).records == 4


def test_half_a_checkpoint_is_dropped(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    keep(log, 2)
    note = sidecar(log).read_bytes()
    for cut in range(1, len(note)):
        sidecar(log).write_bytes(note + note[:-cut])
        keep(log, 0)
        assert sidecar(log).read_bytes() == note


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data.replace(b'"n":1', b'"n":7'), "not those it signed"),
        (lambda data: b"".join(data.splitlines(keepends=True)[:2]), "the end was cut off"),
        (lambda data: data + b"{}\n", "the last line is not a record"),
        (lambda data: data + data.splitlines(keepends=True)[0], "does not follow"),
    ],
)
def test_a_damaged_log_is_not_written_to(tmp_path: Path, damage: object, says: str) -> None:
    log = tmp_path / "log.jsonl"
    keep(log, 3)
    log.write_bytes(damage(log.read_bytes()))  # type: ignore[operator]
    before = log.read_bytes()
    with pytest.raises(LedgerError, match=says):
        LedgerFile(log, KEY)
    assert log.read_bytes() == before


def test_a_second_writer_is_told_who_holds_it(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with (
        LedgerFile(log),
        pytest.raises(LedgerError, match=rf"process {os.getpid()} is writing to it\. Wait"),
    ):
        LedgerFile(log, wait_s=0.05)
    LedgerFile(log, wait_s=0.0).close()


def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    first = LedgerFile(log, KEY)
    threading.Timer(0.2, first.close).start()
    with LedgerFile(log, KEY, wait_s=10) as second:
        second(INTENT)
    assert check(log).ok


def test_threads_share_one_ledger(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with LedgerFile(log, KEY, every=16) as ledger:
        threads = [
            threading.Thread(target=lambda: [ledger(INTENT) for _ in range(25)]) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    result = check(log)
    assert result.ok
    assert result.records == 200


def test_a_body_that_is_not_json_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with LedgerFile(log, KEY) as ledger:
        for bad in ({"n": float("nan")}, {"n": 2**60}, {"n": "\ud800"}, {"n": object()}):
            with pytest.raises(LedgerError, match="record 'intent' is not canonical JSON"):
                ledger(Record("intent", "", body=bad))  # type: ignore[arg-type]
        ledger(INTENT)
    assert check(log).records == 1


FULL = """
import resource, sys
from pathlib import Path
from bb_core.record import COMPLETE, Digests, Figures, Record, missing
from bb_infra.ledger import LedgerFile
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
effects = 0
ledger = LedgerFile(Path(sys.argv[1]))
try:
    while True:
        ledger(Record("intent", "sha256:a", body={"pad": "x" * 300}))
        effects += 1
except Exception as error:
    print(effects, ledger.size, error)
"""


def test_where_no_record_fits_the_effect_does_not_happen(tmp_path: Path) -> None:
    """The kernel itself refuses the write here: the file may not grow beyond 5,000 bytes."""
    assert resource.RLIMIT_FSIZE >= 0
    log = tmp_path / "log.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(log)], capture_output=True, text=True, check=True
    )
    effects, size, error = done.stdout.split(" ", 2)
    assert int(effects) == int(size) == check(log).records > 5
    assert error.strip() == (
        f"{log}: record 'intent' could not be written (File too large). "
        "Free some space and resume the run; nothing is done without its record"
    )
    assert check(log).ok


def test_after_a_failed_fsync_nothing_more_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(28, "No space left on device")

    ledger = LedgerFile(tmp_path / "log.jsonl", KEY)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", refuse)
        with pytest.raises(LedgerError, match="could not be written"):
            ledger(INTENT)
    with pytest.raises(LedgerError, match="the disk refused an earlier one"):
        ledger(INTENT)
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerError, match="it is closed"):
        ledger(INTENT)


def test_the_own_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    state = tmp_path / "state"
    key = own_key(state)
    assert own_key(state).public == key.public
    path = state / "ledger.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (state / "ledger.pub").read_text() == key.public + "\n"
    path.chmod(0o644)
    with pytest.raises(LedgerError, match=f"others can read.*chmod 600 {path}"):
        own_key(state)
    path.write_text("nonsense")
    path.chmod(0o600)
    with pytest.raises(LedgerError, match="not a signing key"):
        own_key(state)


def test_signed_notes_are_those_of_the_go_reference() -> None:
    """The example in the documentation of golang.org/x/mod/sumdb/note."""
    key = SigningKey(
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    )
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    line = (
        "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgK"
        "vqfqdngotpRZb6KE6RyyBwJnAM="
    )
    assert key.public == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert key.sign(text) == line
    assert verify_signature(text, line, key.public)
    assert not verify_signature(text + "x", line, key.public)


def test_every_changed_byte_of_a_note_is_caught(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    keep(log, 2)
    note = sidecar(log).read_text()
    for index in range(len(note)):
        changed = note[:index] + chr(ord(note[index]) ^ 1) + note[index + 1 :]
        with pytest.raises(LedgerError):
            read_note(changed, KEY.public)
