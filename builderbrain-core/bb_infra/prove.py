"""Proofs that stand on their own (RFC 9162): one record is in a ledger; a ledger only grew.

    inclusion    {"proof": "inclusion", "index": 7, "line": "{…}", "path": [hex, …],
                  "checkpoint": "signed note"}
    consistency  {"proof": "consistency", "path": [hex, …], "first": "note", "checkpoint": "note"}

Whoever has the proof and the public key needs no ledger, and sees nothing of its other records.

What this does not cover: whether the keeper shows others another history under the same key. Give
`held`, notes that somebody else kept, and the proof must be about one of those.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bb_core.canonical import Json
from bb_infra.checkpoint import Checkpoint, note_blocks, read_claim, read_note
from bb_infra.entry import Entry, read_entry
from bb_infra.errors import LedgerError
from bb_infra.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from bb_infra.verify import sidecar

_SIGN = "close the run that writes to it: it signs what is there"


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof shows: this entry, or that a ledger of `first` records grew to `size`."""

    origin: str
    size: int
    first: int = 0
    entry: Entry | None = None


def prove_inclusion(log: Path, index: int) -> dict[str, Json]:
    """The proof that record `index` is under the ledger's latest checkpoint."""
    lines, notes = _lines(log), _notes(log)
    size = max(notes, default=0)
    if not 0 <= index < len(lines):
        fix = f"it has records 0 to {len(lines) - 1}" if lines else "it has none"
        raise LedgerError(f"there is no record {index}", where=str(log), fix=fix)
    if index >= size:
        raise LedgerError(f"no checkpoint signs record {index} yet", where=str(log), fix=_SIGN)
    leaves = _leaves(log, lines, notes, size)
    return {
        "proof": "inclusion",
        "index": index,
        "line": lines[index].decode(),
        "path": [one.hex() for one in inclusion_proof(leaves, index)],
        "checkpoint": notes[size],
    }


def prove_consistency(log: Path, first: int, size: int = 0) -> dict[str, Json]:
    """The proof that the ledger of `first` records grew into that of `size` (0: the latest)."""
    lines, notes = _lines(log), _notes(log)
    size = size or max(notes, default=0)
    for one in (first, size):
        if one not in notes:
            there = ", ".join(map(str, sorted(notes))) or "none"
            found = f"no checkpoint signs {one} records"
            raise LedgerError(found, where=str(log), fix=f"there are checkpoints of: {there}")
    if first > size:
        raise LedgerError(f"{first} records came after {size}", where=str(log), fix="swap them")
    leaves = _leaves(log, lines, notes, size)
    return {
        "proof": "consistency",
        "path": [one.hex() for one in consistency_proof(leaves, first)],
        "first": notes[first],
        "checkpoint": notes[size],
    }


def check_proof(data: Any, public_key: str, held: Sequence[Checkpoint] = ()) -> Proved:
    """What a proof shows; raises LedgerError unless it holds under this key.

    With `held`, its (first) checkpoint must be one of those.
    """
    kind = data.get("proof") if isinstance(data, dict) else None
    try:
        if kind == "inclusion":
            return _included(data, public_key, held)
        if kind == "consistency":
            return _consistent(data, public_key, held)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LedgerError(f"this is no whole proof ({error})", fix=_AGAIN) from error
    raise LedgerError("this is neither an inclusion nor a consistency proof", fix=_AGAIN)


_AGAIN = "make it with bb log prove"


def _included(data: Any, public_key: str, held: Sequence[Checkpoint]) -> Proved:
    note = read_note(data["checkpoint"], public_key)
    _held(note, held)
    line, path = data["line"].encode(), [_hash(one) for one in data["path"]]
    if type(data["index"]) is not int or not verify_inclusion(
        leaf_hash(line), data["index"], note.size, path, note.root
    ):
        raise LedgerError("the record is not under the checkpoint", fix="trust neither")
    entry = read_entry(line)
    if entry.seq != data["index"]:
        raise LedgerError(f"the record calls itself {entry.seq}", fix="trust neither")
    return Proved(note.origin, note.size, entry=entry)


def _consistent(data: Any, public_key: str, held: Sequence[Checkpoint]) -> Proved:
    old, new = (read_note(data[name], public_key) for name in ("first", "checkpoint"))
    _held(old, held)
    path = [_hash(one) for one in data["path"]]
    same = old.origin == new.origin
    if not same or not verify_consistency(old.size, new.size, old.root, new.root, path):
        raise LedgerError("the later ledger does not hold the earlier one", fix="trust neither")
    return Proved(new.origin, new.size, first=old.size)


def _hash(text: str) -> bytes:
    found = bytes.fromhex(text)
    if found.hex() != text:  # one proof has one spelling
        raise ValueError(f"{text[:20]!r} is no hash")
    return found


def _held(note: Checkpoint, held: Sequence[Checkpoint]) -> None:
    if held and note not in held:
        found = f"the checkpoint of {note.size} records is none of those that are held"
        raise LedgerError(found, fix="ask for a proof from one of them")


def _lines(log: Path) -> list[bytes]:
    data = log.read_bytes()
    return data.split(b"\n")[:-1]


def _notes(log: Path) -> dict[int, str]:
    path = sidecar(log)
    text = path.read_text("utf-8", "replace") if path.exists() else ""
    return {read_claim(block).size: block for _, block in note_blocks(text)}


def _leaves(log: Path, lines: Sequence[bytes], notes: dict[int, str], size: int) -> list[bytes]:
    """The leaves under a checkpoint; a proof of what is not so would only fail later."""
    leaves = [leaf_hash(line) for line in lines[:size]]
    if len(leaves) < size or root_of(leaves) != read_claim(notes[size]).root:
        fix = f"see: bb log verify {log}"
        raise LedgerError(f"its first {size} records are not those signed", where=str(log), fix=fix)
    return leaves


def read_proof(path: Path) -> Any:
    """The JSON of a proof file; raises LedgerError for anything else."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise LedgerError("this is no JSON document", where=str(path), fix=_AGAIN) from error
