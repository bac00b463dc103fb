"""The registry: versions on disk by digest, signed, and a pointer for each domain.

    registry/
      artifacts/<digest>/     artifact.json   what it is: domain, facts, every file's digest
                              artifact.sig    a model-signing bundle over all of it
                              files/...       the rail: safetensors, record, log, card
      pointers/<domain>/      moves           (bb_safety.pointer)
      decisions/<digest>.json what each move rests on
      registry.key, .pub      the key that signs

An artifact's digest is that of its artifact.json, which has every file's digest, so one name stands
for all its bytes. It is written aside, signed and renamed into place; nothing ever changes in it.
Whatever loads an artifact calls `verify` first.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bb_core.cache import write_whole
from bb_core.canonical import Json, canonical, digest
from bb_safety import signing
from bb_safety.errors import ArtifactError
from bb_safety.evidence import NONE
from bb_safety.pointer import Pointer

RECORD, FILES, FORMAT = "artifact.json", "files", 1
LARGEST = 8 * 2**30


@dataclass(frozen=True)
class Artifact:
    """One version. `facts`: kind, base, grammar, schema, config, data, lock, as it was added."""

    digest: str
    domain: str
    facts: Mapping[str, Any]
    files: Mapping[str, str]
    folder: Path

    @property
    def content(self) -> Path:
        """The folder with its files."""
        return self.folder / FILES


class Registry:
    """Artifacts and pointers under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, folder: Path, domain: str, facts: Mapping[str, Json]) -> Artifact:
        """Take a copy of a folder's files as a new version, signed; the same files, the same one.

        Hidden files (`.name`) are not taken: a writer that was killed leaves such. Raises
        ArtifactError, and then nothing is left behind.
        """
        files = {name: digest(path.read_bytes()) for name, path in _files(folder, hidden=False)}
        record = {"format": FORMAT, "domain": domain, "facts": dict(facts), "files": files}
        data = canonical(record)
        ident = digest(data)
        if self._folder(ident).exists():
            return self._verified(ident)
        try:
            key = signing.own_key(self.root)
            self._write(folder, data, files, self._folder(ident), key)
        except OSError as error:
            fix = "free some space or name another state folder, and add it again"
            raise ArtifactError(str(error.strerror), where=str(self.root), fix=fix) from error
        return self._verified(ident)

    def get(self, ident: str) -> Artifact:
        """A version by its digest, or by its first digits; raises ArtifactError."""
        wanted = ident.removeprefix("sha256:")
        found = [one for one in self._idents() if one.startswith(wanted)] if wanted else []
        if len(found) != 1:
            what = f"{len(found)} artifacts begin with {ident!r}" if ident else "no digest given"
            raise ArtifactError(what, where=str(self.root), fix="see: bb artifacts list")
        return self._read(f"sha256:{found[0]}")

    def verify(self, ident: str) -> Artifact | None:
        """The version, every byte and its signature verified; None for the base alone."""
        return None if ident == NONE else self._verified(ident)

    def _verified(self, ident: str) -> Artifact:
        found = self._read(ident)
        signing.verify(found.folder, signing.public_key(self.root))
        now = {name: digest(path.read_bytes()) for name, path in _files(found.content)}
        if now != found.files:
            raise ArtifactError("its files are not those recorded", where=str(found.folder))
        return found

    def all(self, domain: str = "") -> tuple[Artifact, ...]:
        """Every version, or a domain's."""
        found = (self._read(f"sha256:{one}") for one in sorted(self._idents()))
        return tuple(one for one in found if domain in ("", one.domain))

    def pointer(self, domain: str) -> Pointer:
        """The domain's pointer; it takes only verified versions of that domain."""

        def fits(ident: str) -> None:
            found = self.verify(ident)
            if found and found.domain != domain:
                what = f"it is a version for {found.domain}"
                raise ArtifactError(what, where=str(found.folder), fix=f"not for {domain}")

        return Pointer(self.root, domain, fits)

    def _folder(self, ident: str) -> Path:
        return self.root / "artifacts" / ident.removeprefix("sha256:")

    def _idents(self) -> list[str]:
        home = self.root / "artifacts"
        found = home.iterdir() if home.is_dir() else iter(())
        return [path.name for path in found if len(path.name) == 64]

    def _read(self, ident: str) -> Artifact:
        folder = self._folder(ident)
        try:
            data = (folder / RECORD).read_bytes()
            told = json.loads(data)
            domain, facts, files = told["domain"], told["facts"], told["files"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            fix = "see: bb artifacts list"
            raise ArtifactError(f"no artifact ({error})", where=str(folder), fix=fix) from error
        if digest(data) != ident:
            raise ArtifactError("its record is not what its name says", where=str(folder))
        return Artifact(ident, domain, facts, files, folder)

    def _write(
        self, source: Path, data: bytes, files: Mapping[str, str], target: Path, key: Path
    ) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as aside:
            made = Path(aside) / "artifact"
            for name in files:
                path = made / FILES / name
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, path)
                _synced(path)
            write_whole(made / RECORD, data)
            signing.sign(made, key)
            _synced(made / signing.SIGNATURE)
            try:
                os.rename(made, target)
            except OSError:
                if not target.exists():  # somebody else added the same one first
                    raise
        _synced(target.parent)


def _files(folder: Path, *, hidden: bool = True) -> Iterator[tuple[str, Path]]:
    """The regular files under a folder by their relative names, in order; nothing else is taken."""
    if not folder.is_dir():
        raise ArtifactError("is not a folder", where=str(folder), fix="give a rail folder")
    found = False
    for path in sorted(folder.rglob("*")):
        if not hidden and any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            fix = "keep only regular files in it"
            raise ArtifactError("is a link or no regular file", where=str(path), fix=fix)
        if path.is_file():
            if path.stat().st_size > LARGEST:
                raise ArtifactError("is larger than 8 GiB", where=str(path))
            found = True
            yield path.relative_to(folder).as_posix(), path
    if not found:
        raise ArtifactError("holds no file", where=str(folder), fix="give a rail folder")


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
