"""Frozen states on disk: what the base makes of a text is computed once for all runs.

Kept under the digest of all that decides it (base, layers, type); each text under its own digest.
A shard is one safetensors file with many texts, memory-mapped when read. It is written whole under
a passing name and then renamed, so a killed process leaves nothing half-written and two processes
may fill one cache: at worst both compute the same text. Every text's bytes are verified when they
are read; a damaged shard is dropped and its texts computed again.

Not covered: the last bits of a text computed again, which depend on the longest text of its batch
and so on what was already kept (what is kept is read back to the bit); the right of other users of
the machine to read the texts' states.
"""

import errno
import hashlib
import os
import tempfile
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bb_core.canonical import digest_json
from bb_nn.base import Base
from bb_nn.tapped import Tapped, tap
from bb_train.errors import StorageError

SHARD = 128
"""Texts in a shard."""
_STALE = 24 * 60 * 60.0
"""Seconds after which a file that is still being written is what a killed process left."""

_PARTS = ("ids", "offsets", "states")


@dataclass(frozen=True, slots=True)
class _Place:
    shard: Path
    row: int
    begin: int
    end: int


@dataclass
class StateCache:
    """The states of one base at some layers. `limit` is in bytes, over all that lies in `root`."""

    root: Path
    base: Base
    layers: tuple[int, ...]
    limit: int = 8 << 30
    batch: int = 16
    _places: dict[str, _Place] = field(default_factory=dict, init=False)
    _seen: set[Path] = field(default_factory=set, init=False)
    _open: dict[Path, Any] = field(default_factory=dict, init=False)
    _needed: set[Path] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        made = {"base": self.base.digest, "layers": self.layers, "dtype": str(self.base.dtype)}
        self.folder = self.root / digest_json(made).removeprefix("sha256:")[:32]

    def tapped(self, texts: Sequence[str]) -> list[Tapped]:
        """The states of each text, computed and kept where they are not there yet.

        Raises StorageError where the disk does not take them; what was kept before stays whole.
        """
        self.fill(texts)
        return [self.get(text) for text in texts]

    def get(self, text: str) -> Tapped:
        """One text's states, memory-mapped; computed where they are missing or damaged."""
        place = self._places.get(_key(text))
        found = self._read(place) if place else None
        if found is None:
            self.fill([text])
            found = self._read(self._places[_key(text)])
        if found is None:
            raise StorageError("what was just written cannot be read", where=str(self.folder))
        return found

    def fill(self, texts: Iterable[str]) -> int:
        """Compute and keep the texts that are missing, shard by shard; says how many they were."""
        self._look()
        keys = {_key(text): text for text in texts}
        missing = [text for key, text in keys.items() if key not in self._places]
        self._needed |= {self._places[key].shard for key in keys if key in self._places}
        for begin in range(0, len(missing), SHARD):
            part = missing[begin : begin + SHARD]
            self._keep(part, tap(self.base, part, self.layers, self.batch))
        return len(missing)

    def _look(self) -> None:
        """Take up the shards that are new in the folder."""
        shards = set(self.folder.glob("*.safetensors")) if self.folder.is_dir() else set()
        for gone in self._seen - shards:
            self._forget(gone)
        for shard in sorted(shards - self._seen):
            self._index(shard)

    def _index(self, shard: Path) -> None:
        try:
            keys, ends = _rows(shard)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError):
            self._drop(shard)
            return
        self._seen.add(shard)
        for row, (key, end) in enumerate(zip(keys, ends, strict=True)):
            self._places.setdefault(key, _Place(shard, row, ends[row - 1] if row else 0, end))

    def _read(self, place: _Place) -> Tapped | None:
        """The text at a place; None, and its shard dropped, where it is not what was written."""
        try:
            file = self._mapped(place.shard)
            ids, offsets, states = (
                file.get_slice(name)[place.begin : place.end] for name in _PARTS
            )
            wanted = file.get_tensor("digests")[place.row].tolist()
            whole = list(_digest(ids, offsets, states)) == wanted
        except (SafetensorError, OSError, IndexError, TypeError, ValueError, RuntimeError):
            whole = False
        if not whole:
            self._drop(place.shard)
            return None
        return Tapped(ids, offsets, states, tuple(self.layers))

    def _mapped(self, shard: Path) -> Any:
        if shard not in self._open:
            self._open[shard] = safe_open(shard, framework="pt")
            with suppress(OSError):  # the folder may be another's, to read alone
                os.utime(shard)  # what is read is not what makes room first
        return self._open[shard]

    def _keep(self, texts: Sequence[str], found: Sequence[Tapped]) -> None:
        tensors = {
            name: torch.cat([getattr(one, name) for one in found]).contiguous() for name in _PARTS
        }
        lengths = torch.tensor([len(one.ids) for one in found])
        digests = [list(_digest(one.ids, one.offsets, one.states)) for one in found]
        tensors["ends"] = lengths.cumsum(0)
        tensors["digests"] = torch.tensor(digests, dtype=torch.uint8)
        self._make_room(sum(t.numel() * t.element_size() for t in tensors.values()))
        shard = self.folder / f"{uuid.uuid4().hex}.safetensors"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(shard, tensors, {"keys": " ".join(map(_key, texts))})
        except (OSError, SafetensorError) as error:
            raise self._storage_error(error) from error
        self._needed.add(shard)
        self._index(shard)

    def _make_room(self, size: int) -> None:
        """Delete what others need, longest unread first, until `size` more bytes fit the limit."""
        for stale in self.root.glob("*/.*.partial"):
            if _read_at(stale) < time.time() - _STALE:
                with suppress(OSError):
                    stale.unlink()
        shards = sorted(self.root.glob("*/*.safetensors"), key=_read_at)
        taken = size + sum(map(_size, [*shards, *self.root.glob("*/.*.partial")]))
        for shard in shards:
            if taken > self.limit and shard not in self._needed:
                taken -= _size(shard)
                self._drop(shard)
                taken += _size(shard)  # nothing, unless it cannot be removed
        if taken > self.limit:
            found = f"this run needs {taken} bytes of states, {self.limit} are allowed"
            fix = "raise [cache] gigabytes, or train on fewer examples"
            raise StorageError(found, where=str(self.root), fix=fix)

    def _drop(self, shard: Path) -> None:
        """Remove a shard; one that cannot be removed is passed over from now on."""
        with suppress(OSError):
            shard.unlink(missing_ok=True)
        self._forget(shard)
        if shard.exists():
            self._seen.add(shard)

    def _forget(self, shard: Path) -> None:
        self._seen.discard(shard)
        self._needed.discard(shard)
        self._open.pop(shard, None)
        self._places = {k: p for k, p in self._places.items() if p.shard != shard}

    def _storage_error(self, error: Exception) -> StorageError:
        full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
        found = "the disk is full" if full else f"the states cannot be kept ({error})"
        fix = "free some space, lower [cache] gigabytes, or set [cache] folder; nothing is lost"
        return StorageError(found, where=str(self.folder), fix=fix)


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a shard whole or not at all."""
    handle, passing = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".partial")
    os.close(handle)
    try:
        save_file(tensors, passing, metadata=metadata)
        with open(passing, "rb") as written:
            os.fsync(written.fileno())
        os.replace(passing, path)
    except BaseException:
        Path(passing).unlink(missing_ok=True)
        raise


def _rows(shard: Path) -> tuple[list[str], list[int]]:
    """The keys of a shard's texts and where each ends; raises what a damaged one raises."""
    with safe_open(shard, framework="pt") as file:
        keys, ends = file.metadata()["keys"].split(), file.get_tensor("ends").tolist()
    if len(keys) != len(ends) or any(type(end) is not int for end in ends):
        raise ValueError("keys and ends do not fit")
    return keys, ends


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(*tensors: Tensor) -> bytes:
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return found.digest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _read_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
