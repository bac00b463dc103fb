"""Laws of the Merkle tree and of the ledger over any history and any single act of tampering."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bb_core.record import Record
from bb_infra.checkpoint import SigningKey, new_key
from bb_infra.ledger import LedgerFile
from bb_infra.merkle import (
    EMPTY,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from bb_infra.verify import sidecar, verify

KEY = SigningKey(new_key())
LEAVES = st.lists(st.binary(max_size=3).map(leaf_hash), max_size=70)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
SCALARS |= st.floats(allow_nan=False, allow_infinity=False)
BODIES = st.dictionaries(st.text(), SCALARS | st.lists(SCALARS, max_size=3), max_size=3)


def defined(leaves: Sequence[bytes]) -> bytes:
    """MTH by its recursive definition, word for word."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaves[0]
    k = max(2**power for power in range(8) if 2**power < len(leaves))
    return node_hash(defined(leaves[:k]), defined(leaves[k:]))


@given(LEAVES)
def test_the_frontier_is_the_recursive_definition(leaves: list[bytes]) -> None:
    assert root_of(leaves) == defined(leaves)


@given(LEAVES.filter(bool), st.data())
def test_every_leaf_is_shown_and_nothing_else_is(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(0, len(leaves) + 1))
    proof, root = inclusion_proof(leaves, index), root_of(leaves)
    assert verify_inclusion(leaves[index], index, len(leaves), proof, root)
    assert not verify_inclusion(leaf_hash(b"forged"), index, len(leaves), proof, root)
    shown = verify_inclusion(leaves[index], other, len(leaves), proof, root)
    assert not shown or leaves[other] == leaves[index]


@given(LEAVES.filter(bool), st.data())
def test_every_prefix_is_shown_consistent(leaves: list[bytes], data: st.DataObject) -> None:
    first = data.draw(st.integers(1, len(leaves)))
    proof, roots = consistency_proof(leaves, first), (root_of(leaves[:first]), root_of(leaves))
    assert verify_consistency(first, len(leaves), *roots, proof)
    assert not verify_consistency(first, len(leaves), leaf_hash(b"forged"), roots[1], proof)
    assert not verify_consistency(first, len(leaves), roots[0], leaf_hash(b"forged"), proof)


@given(st.lists(BODIES, max_size=6), st.integers(1, 4))
@settings(max_examples=40)
def test_any_history_verifies_whatever_its_bodies(bodies: list[dict], every: int) -> None:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.jsonl")
        for body in bodies:
            with LedgerFile(log, KEY, every=every) as ledger:
                ledger(Record("result", "sha256:a", body=body))
        if bodies:
            result = verify(log, public_key=KEY.public)
            assert result.ok
            assert result.signed == len(bodies)


with tempfile.TemporaryDirectory() as _folder:
    _log = Path(_folder, "log.jsonl")
    with LedgerFile(_log, KEY, every=4) as _ledger:
        for _number in range(9):
            _ledger(Record("result", "sha256:a", body={"n": _number, "é": 0.5}))
    WHOLE, NOTES = _log.read_bytes(), sidecar(_log).read_bytes()


def _verified(data: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.jsonl")
        log.write_bytes(data)
        sidecar(log).write_bytes(NOTES)
        return verify(log, public_key=KEY.public).ok


@given(st.integers(0, len(WHOLE)), st.integers(0, 40), st.binary(max_size=40))
@settings(max_examples=200)
def test_any_replaced_piece_is_found(start: int, length: int, piece: bytes) -> None:
    changed = WHOLE[:start] + piece + WHOLE[start + length :]
    assert _verified(changed) == (changed == WHOLE)


@given(st.permutations(WHOLE.splitlines(keepends=True)))
@settings(max_examples=60)
def test_any_reordering_is_found(lines: list[bytes]) -> None:
    assert _verified(b"".join(lines)) == (b"".join(lines) == WHOLE)
