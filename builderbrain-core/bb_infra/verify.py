"""Verify a ledger offline: every line, the chain between lines, and every signed checkpoint.

Found: any changed byte, any line removed, added or moved, and an end cut off, as far as a signed
checkpoint reaches; behind the last checkpoint the chain alone still finds every change but one to
the very last line and a cut at a line's end.

What this does not cover: whoever holds the signing key can write another history and sign it, and
a cut behind the last checkpoint that somebody else holds is not missed. Keep copies of checkpoints
where the ledger's keeper cannot reach them (`bb_infra.anchor`) and give them as `held`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bb_infra.checkpoint import EVERY, Checkpoint, note_blocks, public_fields, read_note
from bb_infra.entry import FIRST, read_entry
from bb_infra.errors import LedgerError
from bb_infra.merkle import Frontier, leaf_hash
from bb_infra.table import count

ORIGIN = "builderbrain/"
_RESTORE = "compare it with a copy; do not go on from here"


def chain_hash(leaf: bytes) -> str:
    """How a line's leaf hash is written into the next line."""
    return "sha256:" + leaf.hex()


def origin_of(first_leaf: bytes) -> str:
    """The name a log's checkpoints carry: made from its first line, so no two logs share one."""
    return ORIGIN + first_leaf.hex()[:32]


def sidecar(log: Path) -> Path:
    """Where a ledger's own checkpoints are kept."""
    return log.with_name(log.name + ".checkpoints")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: where, what was found, what to do."""

    where: str
    found: str
    fix: str = _RESTORE

    def __str__(self) -> str:
        return f"{self.where}: {self.found}. {self.fix[0].upper()}{self.fix[1:]}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found. `signed` records are under a checkpoint whose signature holds."""

    records: int
    signed: int
    checkpoints: int
    root: str
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def state(self) -> str:
        """What came of it, in a word or two; a chain that nothing signs is not called verified."""
        if self.problems:
            return count(len(self.problems), "problem")
        return "nothing is signed" if self.records and not self.signed else "verified"


@dataclass(slots=True)
class Scan:
    """A verification under way: fed line by line, it can be copied and resumed at any line."""

    file: str
    claims: Mapping[int, Sequence[Checkpoint]]
    frontier: Frontier = field(default_factory=Frontier)
    prev: str = FIRST
    seq: int = 0
    signed: int = 0
    diverged: bool = False

    def feed(self, raw: bytes) -> list[Problem]:
        """Take the next line, with its newline, and say what is wrong with it."""
        where = f"{self.file}:{self.frontier.size + 1}"
        problems = list(self._line(raw, where))
        leaf = leaf_hash(raw.removesuffix(b"\n"))
        self.frontier, self.prev = self.frontier.append(leaf), chain_hash(leaf)
        if not self.diverged:  # later roots differ too: said once
            problems += self._signed(where, origin_of(leaf))
        return problems

    def _line(self, raw: bytes, where: str) -> Iterator[Problem]:
        if not raw.endswith(b"\n"):
            fix = "open the ledger once to keep it as a recovery note, then verify again"
            yield Problem(where, "the last line has no end, as after a power cut", fix)
        try:
            entry = read_entry(raw.removesuffix(b"\n"))
        except ValueError as error:
            self.seq += 1
            yield Problem(where, f"this line is not a record: {error}")
            return
        if entry.seq != self.seq:
            yield Problem(where, f"record {entry.seq} stands where record {self.seq} belongs")
        elif entry.prev != self.prev:
            yield Problem(where, f"record {entry.seq} does not follow the line before it")
        self.seq = entry.seq + 1

    def _signed(self, where: str, origin: str) -> Iterator[Problem]:
        size = self.frontier.size
        claims = self.claims.get(size, ())
        if size == 1 and any(c.origin != origin for all_ in self.claims.values() for c in all_):
            self.diverged = True
            yield Problem(where, "this line changed, or a checkpoint is of another log")
        elif any(claim.root != self.frontier.root for claim in claims):
            self.diverged = True
            yield Problem(where, f"the first {size} records are not those a checkpoint signed")
        elif claims:
            self.signed = size

    def finish(self) -> list[Problem]:
        """Say what is wrong with where the log ends."""
        most, size = max(self.claims, default=0), self.frontier.size
        if most <= size:
            return []
        return [Problem(self.file, f"{size} records, but a checkpoint signed {most}: cut off")]


@dataclass(frozen=True, slots=True)
class Notes:
    """Signed notes as text, and where they are from."""

    name: str
    text: str


def verify(
    path: Path,
    *,
    checkpoints: Sequence[Path] = (),
    held: Sequence[Notes] = (),
    public_key: str | None,
) -> Verification:
    """Check a ledger against the checkpoints beside it and any that are held elsewhere.

    Checkpoints that cannot be checked for want of a `public_key` are a problem of their own; text
    that is not a public key raises LedgerError. So does a path where no file is, unless `held`
    knows of records there: then the ledger was taken away, and that is the problem.
    """
    if public_key is not None:
        public_fields(public_key)
    if not path.is_file():
        gone = Problem(str(path), "there is no ledger here", "give the path of a ledger file")
        if not any(notes.text for notes in held):
            raise LedgerError(gone.found, where=gone.where, fix=gone.fix)
        return Verification(0, 0, 0, Frontier().root.hex(), (gone,))
    own = sidecar(path)
    files = [*([own] if own.exists() else []), *checkpoints]
    claims, problems = read_claims(files, public_key, held)
    scan = Scan(path.name, claims)
    with path.open("rb") as lines:
        for raw in lines:
            problems += scan.feed(raw)
    problems += scan.finish()
    if public_key is not None and not claims and not problems:
        problems += _unsigned(path, scan.frontier.size)
    notes = sum(len(group) for group in claims.values())
    root = scan.frontier.root.hex()
    return Verification(scan.frontier.size, scan.signed, notes, root, tuple(problems))


def _unsigned(path: Path, size: int) -> list[Problem]:
    """A run that was killed early leaves nothing signed; a ledger this long was signed once."""
    if size < 2 * EVERY:
        return []
    found = f"nothing is signed, though every {EVERY} records are: {sidecar(path).name} is gone"
    return [Problem(path.name, found, "restore it from a copy, or give one as --checkpoint")]


def read_claims(
    files: Sequence[Path], public_key: str | None, held: Sequence[Notes] = ()
) -> tuple[dict[int, list[Checkpoint]], list[Problem]]:
    """The checkpoints whose signatures hold, by size, and what is wrong with the rest."""
    claims: dict[int, list[Checkpoint]] = defaultdict(list)
    problems: list[Problem] = []
    notes = list(held)
    for file in files:
        try:
            notes.append(Notes(file.name, file.read_bytes().decode("utf-8", "replace")))
        except OSError as error:
            fix = "check the path"
            problems.append(Problem(str(file), f"cannot be read ({error.strerror})", fix))
    for one in notes:
        if public_key is None:
            fix = "give the public key the ledger was signed with"
            problems.append(Problem(one.name, "the checkpoints could not be checked", fix))
            continue
        for number, block in note_blocks(one.text):
            try:
                claim = read_note(block, public_key)
                claims[claim.size].append(claim)
            except LedgerError as error:
                problems.append(Problem(f"{one.name}:{number}", error.found, error.fix))
    return dict(claims), problems
