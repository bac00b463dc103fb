"""The log of a run: one JSON line a row, the same figures for TensorBoard, and a line to look at.

Keys of a row: `step`, then figures by name; nested mappings become `a/b` for TensorBoard. What is
not a finite number is null in the JSON line, text stays text. `seconds` count from the process's
start.
"""

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from bb_train.checkpoint import cut_file, unheard
from bb_train.storing import stored

FILE, CURVES = "training.jsonl", "tensorboard"


@dataclass
class TrainingLog:
    """Appends to `training.jsonl` in a folder, and to TensorBoard's files beside it.

    A log that ends before `begin`, which no kill but a power cut can do, goes on after its last
    whole line, and `tell` hears of it. Raises StorageError where the disk does not take it.
    """

    folder: Path
    begin: int = 0
    """Bytes of the file that count; what follows was written by a process that was killed."""
    after: int = 0
    """The last step that counts; TensorBoard forgets what was drawn of later ones."""
    curves: bool = True
    tell: Callable[[str], None] = unheard
    since: float = field(default_factory=time.monotonic)
    _writer: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.path = self.folder / FILE
        with stored(self.path):
            self.folder.mkdir(parents=True, exist_ok=True)
            whole = _whole(self.path, self.begin)
            cut_file(self.path, whole)
            self._file = self.path.open("ab")
        if whole < self.begin:
            lost = f"the last {self.begin - whole} bytes that were logged are gone"
            self.tell(f"{self.path}: {lost}; it goes on after its last whole line")

    @property
    def seconds(self) -> float:
        """Since the process began with this log."""
        return time.monotonic() - self.since

    @property
    def size(self) -> int:
        """Bytes written so far; give it as `begin` to go on from here."""
        return self._file.tell()

    def sync(self) -> int:
        """Have all rows on the disk; their bytes, which a checkpoint may name from then on."""
        with stored(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
        return self.size

    def row(self, step: int, figures: Mapping[str, Any]) -> None:
        """Write one row; raises StorageError where the disk does not take it."""
        told = {"step": step, **figures, "seconds": round(self.seconds, 2)}
        told = _finite(told)
        with stored(self.path):
            self._file.write(json.dumps(told, allow_nan=False).encode() + b"\n")
            self._file.flush()
        if self.curves:
            with stored(self.folder / CURVES):
                for name, value in flat(told):
                    self._tensorboard().add_scalar(name, value, step)

    def close(self) -> None:
        """Write out what is left; raises StorageError where the disk does not take it."""
        try:
            with stored(self.path):
                self._file.close()
        finally:
            if self._writer is not None:
                with stored(self.folder / CURVES):
                    self._writer.close()

    def _tensorboard(self) -> Any:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            where = str(self.folder / CURVES)
            self._writer = SummaryWriter(where, purge_step=self.after + 1)
        return self._writer


def _whole(path: Path, noted: int) -> int:
    """How much of a log counts: what was noted, or of a shorter one all its whole lines."""
    if not noted or (path.exists() and path.stat().st_size >= noted):
        return noted
    data = path.read_bytes() if path.exists() else b""
    return data.rfind(b"\n") + 1


def flat(figures: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a nested mapping under its path."""
    for key, value in figures.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}/")
        elif isinstance(value, int | float) and key != "step" and math.isfinite(value):
            yield name, float(value)


def thinned(log: bytes, most: int) -> bytes:
    """A log's lines, in order, with at most `most` of those that tell a step's losses: every nth.

    `most` is at least 1.
    """
    lines = log.splitlines(keepends=True)
    steps = [place for place, line in enumerate(lines) if "loss" in json.loads(line)]
    dropped = set(steps) - set(steps[:: max(1, math.ceil(len(steps) / most))])
    return b"".join(line for place, line in enumerate(lines) if place not in dropped)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass
class Progress:
    """What a person sees of a run: a bar on a terminal, else a plain line now and then."""

    total: int
    out: TextIO = field(default_factory=lambda: sys.stderr)
    every: float = 30.0
    _bar: Any = field(default=None, init=False)
    _said: float = field(default=0.0, init=False)

    def at(self, step: int, text: str) -> None:
        """The run is at this step."""
        if self.out.isatty():
            self._show(step, text)
        elif step >= self.total or time.monotonic() - self._said >= self.every:
            self._said = time.monotonic()
            self.say(f"{step}/{self.total} {text}")

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._bar is not None:
            self._bar.clear()
        print(text, file=self.out, flush=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.close()

    def _show(self, step: int, text: str) -> None:
        if self._bar is None:
            from tqdm import tqdm  # type: ignore[import-untyped]

            self._bar = tqdm(total=self.total, initial=step, file=self.out, unit="step")
        self._bar.n = step
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.refresh()
