"""Keep a ledger's checkpoints where its keeper cannot quietly take them back: a file, or git.

    notes/ledger.notes         a file: on another disk, a mounted share, a write-once volume
    git:../audit-repository    a git repository: one commit for each anchoring, to be pushed on

A ledger is anchored by adding its newest signed checkpoints there. What is there already is checked
first: a ledger that was cut off or rewritten since is refused, and its checkpoint is not added.
`bb log verify --anchor` checks the same without adding anything.

What this does not cover: somebody who can write to both places, or who holds the key and rewrites
the place's whole history. The place has to be in other hands: push the repository, mount the volume
write-once.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bb_infra.checkpoint import note_blocks, read_claim
from bb_infra.errors import LedgerError
from bb_infra.verify import Notes, sidecar, verify

GIT, FILE = "git:", "file:"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_COMMITTER = ("-c", "user.name=builderbrain", "-c", "user.email=builderbrain@localhost")


@dataclass(frozen=True, slots=True)
class Anchored:
    """How many notes were added, and how many records the place knows of now."""

    added: int
    size: int


def anchor(log: Path, place: str, public_key: str | None) -> Anchored:
    """Add a ledger's new checkpoints to a place; raises LedgerError where it does not extend it."""
    there = require_extends(log, place, public_key)
    known = {block for _, block in note_blocks(there.text)}
    own = sidecar(log)
    blocks = note_blocks(own.read_text("utf-8")) if own.exists() else iter(())
    new = [block for _, block in blocks if block not in known]
    if new:
        _add(place, log, there, "".join(new))
    sizes = [read_claim(block).size for block in [*known, *new]]
    return Anchored(len(new), max(sizes, default=0))


def require_extends(log: Path, place: str, public_key: str | None) -> Notes:
    """What a place holds; raises LedgerError where the ledger verifies not, or does not extend it.

    A ledger that is not there yet extends a place that holds nothing.
    """
    there = read_anchor(place, log)
    if not log.exists() and not there.text:
        return there
    found = verify(log, held=[there], public_key=public_key)
    if not found.ok:
        first = found.problems[0]
        fix = f"see: bb log verify {log} --anchor {place}"
        raise LedgerError(f"against the anchor {place}: {first.found}", where=first.where, fix=fix)
    return there


def held_at(place: str, log: Path) -> Notes:
    """The notes a place holds; raises LedgerError where it holds none, and so can show nothing."""
    there = read_anchor(place, log)
    if not there.text:
        fix = "give the place that 'bb log anchor' was given"
        raise LedgerError("no checkpoints of this ledger are there", where=place, fix=fix)
    return there


def read_anchor(place: str, log: Path) -> Notes:
    """The notes a place holds, if any; raises LedgerError where some were taken out again."""
    if not place.startswith(GIT):
        path = file_at(place)
        text = path.read_text("utf-8", "replace") if path.exists() else ""
        return Notes(place, text)
    top, name = _top(place), file_in_git(log)
    if _git(top, "rev-parse", "--verify", "-q", "HEAD").returncode:
        return Notes(place, "")
    history = _told(top, "log", "--numstat", "--format=", "--", name).split("\n")
    gone = [line.split("\t")[1] for line in history if "\t" in line]
    if any(lines != "0" for lines in gone):
        found = "notes were taken out of the repository, or changed there"
        raise LedgerError(found, where=place, fix=f"see: git log -p -- {name}")
    shown = _git(top, "show", f"HEAD:{name}")
    return Notes(place, shown.stdout if shown.returncode == 0 else "")


def file_at(place: str) -> Path:
    """The file a place names, `file:` or not; raises LedgerError for any other scheme."""
    scheme = _SCHEME.match(place)
    if scheme and scheme[0] != FILE:
        found = f"{scheme[0]} is no place for checkpoints"
        raise LedgerError(found, where=place, fix="give a file, or git:FOLDER")
    return Path(place.removeprefix(FILE))


def file_in_git(log: Path) -> str:
    """The file of a ledger's notes in a repository, the same wherever the repository lies."""
    return f"{log.absolute().parent.name.lstrip('.') or 'ledger'}-{log.name}.notes"


def _add(place: str, log: Path, there: Notes, text: str) -> None:
    if not place.startswith(GIT):
        _append(file_at(place), text)
        return
    top, name = _top(place), file_in_git(log)
    Path(top, name).write_text(there.text + text, "utf-8")  # what is committed counts, not the file
    size = max(read_claim(block).size for _, block in note_blocks(text))
    _told(top, "add", "--", name)
    _told(top, *_COMMITTER, "commit", "-q", "-m", f"Anchor {name} at {size} records", "--", name)


def _append(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        found = f"the anchor could not be written ({error.strerror})"
        fix = "check the place; the ledger itself is whole"
        raise LedgerError(found, where=str(path), fix=fix) from error


def _top(place: str) -> str:
    """The root of the working tree a place names."""
    folder = place.removeprefix(GIT)
    if shutil.which("git") is None:
        raise LedgerError("git is not installed", where=place, fix="install it")
    found = _git(folder, "rev-parse", "--show-toplevel")
    if found.returncode:
        raise LedgerError("there is no git repository", where=place, fix=f"run: git init {folder}")
    return found.stdout.removesuffix("\n")


def _told(repository: str, *words: str) -> str:
    done = _git(repository, *words)
    if done.returncode:
        said = "".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-1:])
        fix = "mend the repository and anchor again; the ledger itself is whole"
        raise LedgerError(f"git says: {said}", where=f"{GIT}{repository}", fix=fix)
    return done.stdout


def _git(repository: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", repository, *words]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    )
