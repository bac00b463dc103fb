"""Proofs on their own: any record, any two checkpoints; any single change of a proof is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bb_core.record import Record
from bb_infra.checkpoint import SigningKey, new_key, read_claim
from bb_infra.errors import LedgerError
from bb_infra.ledger import LedgerFile
from bb_infra.prove import Proved, check_proof, prove_consistency, prove_inclusion, read_proof
from bb_infra.verify import sidecar

KEY, OTHER = SigningKey(new_key()), SigningKey(new_key())
RECORDS, EVERY = 23, 5
SIZES = [5, 10, 15, 20, 23]


def write(path: Path, count: int = RECORDS, key: SigningKey = KEY) -> Path:
    with LedgerFile(path, key, every=EVERY) as ledger:
        for n in range(count):
            ledger(Record("result", "sha256:a", f"r{n % 3}", body={"n": n, "é": 0.5}))
    return path


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("log") / "log.jsonl")


@pytest.fixture(scope="module")
def proofs(log: Path) -> list[dict[str, Any]]:
    return [prove_inclusion(log, 7), prove_consistency(log, 10)]


def test_every_record_and_every_pair_of_checkpoints_is_proved(log: Path) -> None:
    for index in range(RECORDS):
        shown = check_proof(json.loads(json.dumps(prove_inclusion(log, index))), KEY.public)
        assert shown.size == RECORDS and shown.entry is not None
        assert shown.entry.record.body["n"] == index
    for first in SIZES:
        for size in SIZES:
            if first <= size:
                shown = check_proof(prove_consistency(log, first, size), KEY.public)
                assert (shown.first, shown.size) == (first, size)


def test_a_proof_needs_no_ledger_and_shows_no_other_record(log: Path, tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(prove_inclusion(log, 7)))
    shown = check_proof(read_proof(file), KEY.public)
    assert isinstance(shown, Proved) and shown.entry is not None
    assert file.read_text().count('\\"n\\"') == 1


@given(st.data())
@settings(max_examples=150)
def test_any_changed_value_is_refused(data: st.DataObject) -> None:
    proof: dict[str, Any] = json.loads(data.draw(st.sampled_from(_WHOLE)))
    key = data.draw(st.sampled_from(sorted(proof)))
    text = json.dumps(proof[key])
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(codec="utf-8"))
    try:
        changed = json.loads(text[:place] + letter + text[place + 1 :])
    except ValueError:
        return
    if changed == proof[key]:
        return
    with pytest.raises(LedgerError):
        check_proof({**proof, key: changed}, KEY.public)


def _whole() -> list[str]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        log = write(Path(folder, "log.jsonl"))
        return [json.dumps(p) for p in (prove_inclusion(log, 7), prove_consistency(log, 10))]


_WHOLE = _whole()


def test_another_key_and_another_history_are_refused(
    log: Path, proofs: list[dict[str, Any]], tmp_path: Path
) -> None:
    for proof in proofs:
        with pytest.raises(LedgerError, match="no signature by"):
            check_proof(proof, OTHER.public)
    forked = write(tmp_path / "log.jsonl", RECORDS + 4)
    note = prove_consistency(forked, 10)["checkpoint"]
    with pytest.raises(LedgerError):
        check_proof({**proofs[1], "checkpoint": note}, KEY.public)


def test_a_proof_must_be_of_a_checkpoint_that_is_held(
    log: Path, proofs: list[dict[str, Any]]
) -> None:
    first, last = (read_claim(proofs[1][name]) for name in ("first", "checkpoint"))
    assert check_proof(proofs[1], KEY.public, [first]).first == 10
    assert check_proof(proofs[0], KEY.public, [first, last])
    with pytest.raises(LedgerError, match="none of those that are held"):
        check_proof(proofs[1], KEY.public, [last])


def test_what_cannot_be_proved_is_said(log: Path, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"there is no record 23\. It has records 0 to 22"):
        prove_inclusion(log, 23)
    with pytest.raises(LedgerError, match=r"no checkpoint signs 7 records\. There are checkpoints"):
        prove_consistency(log, 7)
    with pytest.raises(LedgerError, match="came after"):
        prove_consistency(log, 20, 10)
    unsigned = tmp_path / "log.jsonl"
    with LedgerFile(unsigned) as ledger:
        ledger(Record("result", "sha256:a"))
    with pytest.raises(LedgerError, match="no checkpoint signs record 0 yet"):
        prove_inclusion(unsigned, 0)
    changed = write(tmp_path / "changed.jsonl")
    changed.write_bytes(changed.read_bytes().replace(b'"n":3', b'"n":4'))
    with pytest.raises(LedgerError, match="are not those signed"):
        prove_inclusion(changed, 9)
    assert sidecar(changed).exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"proof":"x"}', '{"proof":"inclusion"}'])
def test_what_is_no_proof_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "proof.json"
    file.write_text(text)
    with pytest.raises(LedgerError):
        check_proof(read_proof(file), KEY.public)
