"""What a run needs to go on exactly where it was: one file per checkpoint, whole or not there.

    checkpoints/step-00000500.pt     the last two
    checkpoints/best.pt              the best on dev so far

A step draws all its chance from the run's seed and its own number (see `trainer`), so there is no
generator's state to keep: the step's number is that state.
"""

import errno
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bb_core.cache import write_whole
from bb_core.canonical import digest
from bb_train.errors import ResumeError, StorageError

KEPT = 2
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


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of one run's folder."""

    folder: Path

    def save(self, checkpoint: Checkpoint, *, best: bool = False) -> None:
        """Keep it, and drop the older ones; raises StorageError, with the older ones still there.

        `best`: keep it as the best as well.
        """
        data = _bytes(checkpoint)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / f"step-{checkpoint.step:08d}.pt", data)
            if best:
                write_whole(self.folder / BEST, data)
        except OSError as error:
            full = error.errno == errno.ENOSPC
            found = "the disk is full" if full else f"cannot be written ({error.strerror})"
            fix = "free some space and start again: it goes on from the last checkpoint"
            raise StorageError(found, where=str(self.folder), fix=fix) from error
        for old in self._steps()[:-KEPT]:
            old.unlink(missing_ok=True)

    def last(self, made_from: Mapping[str, str]) -> Checkpoint | None:
        """The latest one; None in a new folder. Raises ResumeError where it is another run's."""
        for path in reversed(self._steps()):
            found = _read(path)
            if found is not None:
                return _same(found, made_from, path)
        return None

    def best(self, made_from: Mapping[str, str]) -> Checkpoint | None:
        """The best on dev, if one was kept."""
        path = self.folder / BEST
        found = _read(path) if path.exists() else None
        return None if found is None else _same(found, made_from, path)

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


def _same(found: Checkpoint, made_from: Mapping[str, str], path: Path) -> Checkpoint:
    apart = list(_apart(found.made_from, made_from))
    if apart:
        raise ResumeError(
            f"was made with another {', '.join(apart)}",
            where=str(path),
            fix="set another [run] folder, or delete this one to start anew",
        )
    return found


def _apart(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[str]:
    yield from (name for name in {**one, **other} if one.get(name) != other.get(name))


def cut_file(path: Path, size: int) -> None:
    """Shorten a log to what the checkpoint knows of; what a killed process wrote after is gone."""
    if path.exists() and path.stat().st_size > size:
        with path.open("r+b") as file:
            file.truncate(size)
            file.flush()
            os.fsync(file.fileno())
