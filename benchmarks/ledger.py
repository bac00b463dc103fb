"""Tamper with a 2,000-record ledger in every single place and see that each act is found.

    flips       every byte of the log changed, one at a time, by a random other value
    deletions   every line removed, one at a time
    swaps       every line changed places with the next, and random pairs with each other
    cuts        the log cut off after every line (its last checkpoint stands behind the cut)
    rewrites    the key's own holder signs another history, or a cut one, from every 25th record on:
                only the anchored notes can show that
    proofs      every record proved from the ledger, then a byte of each proof changed

A change leaves the lines before it as they were, so the verifier is resumed there from its own
state and stopped at its first finding: the same `Scan` that `verify` drives from the first line.
A random sample of all four is also run through `verify` from files, whole.
"""

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from report import emit, say

from bb_core.record import Record
from bb_infra.checkpoint import SigningKey, new_key
from bb_infra.entry import read_entries
from bb_infra.errors import LedgerError
from bb_infra.ledger import LedgerFile
from bb_infra.prove import check_proof, prove_inclusion
from bb_infra.verify import Notes, Scan, read_claims, sidecar, verify

RECORDS, EVERY, SEED = 2000, 256, 20260101
KEY = SigningKey(new_key())
Act = tuple[int, Iterable[bytes]]
"""Tampering: the first line it touches, and the lines that stand there until the end."""


def write(log: Path) -> float:
    """Write the log; the microseconds one record took, intents synced."""
    began = time.perf_counter()
    with LedgerFile(log, KEY, every=EVERY) as ledger:
        for number in range(RECORDS):
            kind = "intent" if number % 20 == 0 else "result"
            body = {"step": f"n{number % 12}", "key": f"{number:064x}", "cents": number * 7}
            ledger(Record(kind, "sha256:" + "a" * 64, f"run{number // 24}", body=body))
    return (time.perf_counter() - began) / RECORDS * 1e6


def states(lines: Sequence[bytes], start: Scan) -> list[Scan]:
    """The verifier's state before each line, and after the last."""
    scan, found = start, []
    for line in lines:
        found.append(replace(scan))
        if scan.feed(line):
            raise SystemExit("the untouched log does not verify")
    return [*found, scan]


def caught(at: Scan, lines: Iterable[bytes]) -> bool:
    """Whether the verifier, resumed where the tampering starts, finds anything."""
    scan = replace(at)
    return any(scan.feed(line) for line in lines) or bool(scan.finish())


def flips(lines: Sequence[bytes], rng: random.Random) -> Iterator[Act]:
    """Every byte of every line, its newline too, changed to a random other value."""
    for index, line in enumerate(lines):
        for place in range(len(line)):
            changed = bytearray(line)
            changed[place] ^= rng.randrange(1, 256)
            yield index, _flipped(bytes(changed), lines, index + 1)


def _flipped(changed: bytes, lines: Sequence[bytes], following: int) -> Iterable[bytes]:
    """The lines a reader sees: a flip can end a line early, or join it with the next."""
    if not changed.endswith(b"\n") and following < len(lines):
        changed, following = changed + lines[following], following + 1
    yield from re.findall(rb"[^\n]*\n|[^\n]+", changed)
    yield from islice(lines, following, None)


def deletions(lines: Sequence[bytes], rng: random.Random) -> Iterator[Act]:
    """Every line removed."""
    for index in range(len(lines)):
        yield index, islice(lines, index + 1, None)


def swaps(lines: Sequence[bytes], rng: random.Random) -> Iterator[Act]:
    """Every line changed places with the next, then as many random pairs."""
    near = [(index, index + 1) for index in range(len(lines) - 1)]
    far = [tuple(sorted(rng.sample(range(len(lines)), 2))) for _ in lines]
    for first, second in [*near, *far]:
        moved = lines[second], *lines[first + 1 : second], lines[first]
        yield first, chain(moved, islice(lines, second + 1, None))


def cuts(lines: Sequence[bytes], rng: random.Random) -> Iterator[Act]:
    """The end cut off before every line."""
    for index in range(len(lines)):
        yield index, ()


ACTS = {"flips": flips, "deletions": deletions, "swaps": swaps, "cuts": cuts}


def try_all(name: str, lines: Sequence[bytes], at: Sequence[Scan]) -> dict[str, int]:
    """How many acts of one kind there were, and how many the resumed verifier missed."""
    tried = missed = 0
    for index, rest in ACTS[name](lines, random.Random(SEED)):
        tried += 1
        missed += not caught(at[index], rest)
    say(f"{name}: {tried} tried, {missed} missed")
    return {"tried": tried, "missed": missed}


def try_whole(lines: Sequence[bytes], log: Path, sample: int) -> dict[str, int]:
    """The same for a random sample of each kind, through `verify` from the first line."""
    missed, rng = 0, random.Random(SEED + 1)
    for name, act in ACTS.items():
        total = sum(map(len, lines)) if name == "flips" else len(lines)
        chosen = set(rng.sample(range(total), sample))
        for number, (index, rest) in enumerate(act(lines, random.Random(SEED))):
            if number in chosen:
                log.write_bytes(b"".join(chain(lines[:index], rest)))
                missed += verify(log, public_key=KEY.public).ok
    say(f"whole files: {sample * len(ACTS)} tried, {missed} missed")
    return {"tried": sample * len(ACTS), "missed": missed}


def try_notes(log: Path) -> dict[str, int]:
    """Every byte of the checkpoint file changed: the reader must refuse the note it is in."""
    notes, missed = sidecar(log), 0
    data = notes.read_bytes()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        notes.write_bytes(changed)
        missed += not read_claims([notes], KEY.public)[1]
    notes.write_bytes(data)
    say(f"checkpoint file: {len(data)} tried, {missed} missed")
    return {"tried": len(data), "missed": missed}


def try_rewrites(log: Path, records: int) -> dict[str, int]:
    """Histories that verify under the key; how many the anchored notes miss."""
    held = Notes("anchor", sidecar(log).read_text())
    tried = missed = 0
    for index in range(0, records, 25):
        for cut in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                other = Path(folder, "ledger.jsonl")
                rewrite(log, other, index, cut=cut)
                if not verify(other, public_key=KEY.public).ok:
                    raise SystemExit("the rewritten log does not verify on its own")
                tried += 1
                missed += verify(other, held=[held], public_key=KEY.public).ok
    say(f"rewrites: {tried} tried, {missed} missed")
    return {"tried": tried, "missed": missed}


def rewrite(log: Path, other: Path, index: int, *, cut: bool) -> None:
    """The same log with record `index` another, or everything from it on gone, signed anew."""
    entries = list(read_entries(log))[: index if cut else None]
    times = iter([entry.ts for entry in entries])
    with LedgerFile(other, KEY, every=EVERY, now=lambda: next(times)) as ledger:
        for entry in entries:
            changed = {**entry.record.body, "cents": -1} if entry.seq == index else None
            ledger(replace(entry.record, body=changed) if changed else entry.record)


def try_proofs(log: Path, sample: int) -> dict[str, float]:
    """Proofs of a sample of records, each whole and with one byte of its text changed."""
    rng, missed, took = random.Random(SEED + 2), 0, 0.0
    for index in sorted(rng.sample(range(RECORDS), sample)):
        proof = prove_inclusion(log, index)
        began = time.perf_counter()
        shown = check_proof(proof, KEY.public)
        took += time.perf_counter() - began
        missed += shown.entry is None or shown.entry.seq != index
        missed += _holds(changed_text(json.dumps(proof), rng), json.dumps(proof))
    say(f"proofs: {2 * sample} tried, {missed} missed")
    return {"tried": 2 * sample, "missed": missed, "check_us": round(took / sample * 1e6)}


def changed_text(text: str, rng: random.Random) -> str:
    """The text with one character exchanged."""
    place = rng.randrange(len(text))
    return text[:place] + chr(rng.randrange(33, 127)) + text[place + 1 :]


def _holds(text: str, whole: str) -> bool:
    try:
        data = json.loads(text)
    except ValueError:
        return False
    if data == json.loads(whole):  # the same proof in other words
        return False
    try:
        check_proof(data, KEY.public)
    except LedgerError:
        return False
    return True


def main() -> int:
    """Run every act of tampering; the exit status is 0 only if all were found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--whole", type=int, default=100, help="whole-file checks of each kind")
    sample = options.parse_args().whole
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "ledger.jsonl")
        per_record, began = write(log), time.perf_counter()
        clean = verify(log, public_key=KEY.public)
        took = time.perf_counter() - began
        lines = log.read_bytes().splitlines(keepends=True)
        at = states(lines, Scan(log.name, read_claims([sidecar(log)], KEY.public)[0]))
        found = {name: try_all(name, lines, at) for name in ACTS}
        found |= {"rewrites": try_rewrites(log, RECORDS), "proofs": try_proofs(log, sample)}
        found |= {"checkpoint_flips": try_notes(log), "whole": try_whole(lines, log, sample)}
    missed = sum(kind["missed"] for kind in found.values())
    return emit(
        "ledger",
        clean.ok and clean.signed == RECORDS and not missed,
        seed=SEED,
        versions=("cryptography", "rfc8785"),
        records=RECORDS,
        bytes=sum(map(len, lines)),
        checkpoints=clean.checkpoints,
        append_us=round(per_record, 1),
        verify_ms=round(took * 1e3, 1),
        **found,
    )


if __name__ == "__main__":
    sys.exit(main())
