"""What a run needs to go on exactly where it was: one file per checkpoint, whole or not there.

    checkpoints/step-00000500.pt     the last two
    checkpoints/best.pt              the best on dev so far

A step draws all its chance from the run's seed and its own number (see `trainer`), so there is no
generator's state to keep: the step's number is that state.
"""

import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bb_core.cache import write_whole
from bb_core.canonical import digest
from bb_train.errors import ResumeError
from bb_train.storing import stored

KEPT = 2
FOLDER = "checkpoints"
BEST = "best.pt"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run after `step` steps.

    made_from: digests of all that must be the same to go on. state: tensors by name, nested.
    values: everything else, as JSON (multipliers, figures on dev, bytes of the log written).
    """

    step: int
    made_from: Mapping[str, str]
    state: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


def unheard(text: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of one run's folder; `tell` hears of those that are passed over."""

    folder: Path
    tell: Callable[[str], None] = unheard

    def save(self, checkpoint: Checkpoint, *, best: bool = False) -> None:
        """Keep it, and drop the older ones; raises StorageError, with the older ones still there.

        `best`: keep it as the best as well, and before: a run that is killed in between goes on
        from an older one, and comes to this best again.
        """
        data = _bytes(checkpoint)
        with stored(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            if best:
                write_whole(self.folder / BEST, data)
            write_whole(self.folder / f"step-{checkpoint.step:08d}.pt", data)
        for old in self._steps()[:-KEPT]:
            old.unlink(missing_ok=True)

    def last(self, made_from: Mapping[str, str]) -> Checkpoint | None:
        """The latest that is whole; None in a new folder.

        Raises ResumeError where it is another run's.
        """
        found = self._latest()
        if found is not None:
            require_same(found.made_from, made_from, self.folder.parent)
        return found

    def made_from(self) -> Mapping[str, str] | None:
        """What the latest that is whole was made from; None in a new folder."""
        found = self._latest()
        return None if found is None else found.made_from

    def best(
        self, made_from: Mapping[str, str], step: int, reached: int | None = None
    ) -> Checkpoint:
        """The best on dev, which was kept after `step`; raises ResumeError where it is not there.

        A run that goes on from the step it `reached` comes again to a best of later.
        """
        path = self.folder / BEST
        found = _read(path) if path.exists() else None
        if found is None:
            raise _no_best("is damaged" if path.exists() else "is missing", path)
        require_same(found.made_from, made_from, self.folder.parent)
        if found.step != step and not (reached is not None and found.step > reached):
            raise _no_best(f"is of step {found.step}, and the best was step {step}", path)
        return found

    def _latest(self) -> Checkpoint | None:
        for path in reversed(self._steps()):
            found = _read(path)
            if found is not None:
                return found
            self.tell(f"{path}: damaged, passed over for what was kept before it")
        return None

    def _steps(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.pt"))


def _bytes(checkpoint: Checkpoint) -> bytes:
    """The checkpoint's digest, its head as JSON, and its tensors."""
    tensors = io.BytesIO()
    torch.save(dict(checkpoint.state), tensors)
    head = {
        "step": checkpoint.step,
        "made_from": dict(checkpoint.made_from),
        "values": dict(checkpoint.values),
    }
    body = json.dumps(head).encode() + b"\n" + tensors.getvalue()
    return digest(body).encode() + b"\n" + body


def _read(path: Path) -> Checkpoint | None:
    """The checkpoint in a file; None where the file is not what was written."""
    try:
        sha, _, body = path.read_bytes().partition(b"\n")
    except OSError as error:
        fix = "check the folder"
        raise ResumeError(f"cannot be read ({error.strerror})", where=str(path), fix=fix) from error
    if digest(body).encode() != sha:
        return None
    head, _, tensors = body.partition(b"\n")
    state = torch.load(io.BytesIO(tensors), weights_only=True, map_location="cpu")
    told = json.loads(head)
    return Checkpoint(told["step"], told["made_from"], state, told["values"])


def _no_best(found: str, path: Path) -> ResumeError:
    fix = f"bring that file back, or delete the folder {path.parent} to train anew"
    return ResumeError(found, where=str(path), fix=fix)


def require_same(found: Mapping[str, str], wanted: Mapping[str, str], folder: Path) -> None:
    """Raise ResumeError where the run in a folder was made from something else than is `wanted`.

    What an older version of this program did not note is not compared.
    """
    apart = [name for name, was in found.items() if was != wanted.get(name)]
    if apart:
        raise ResumeError(
            f"the run in it was made with another {', '.join(apart)}",
            where=str(folder),
            fix=f"name another folder as [run] folder, or delete {folder} to start anew",
        )


def cut_file(path: Path, size: int) -> None:
    """Shorten a log to what the checkpoint knows of; what a killed process wrote after is gone."""
    if path.exists() and path.stat().st_size > size:
        with path.open("r+b") as file:
            file.truncate(size)
            file.flush()
            os.fsync(file.fileno())
