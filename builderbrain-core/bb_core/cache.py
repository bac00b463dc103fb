"""The content-addressed cache: generated files under the digest of what they were made from.

A file is used only if its bytes have the digest its manifest says; anything else is made anew.
A cache that cannot be written (read-only, full disk) costs time and nothing else.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bb_core.canonical import digest

MANIFEST = "manifest.json"


def cache_home() -> Path:
    """`$BB_CACHE`, else `$XDG_CACHE_HOME/builderbrain`, else `~/.cache/builderbrain`."""
    if home := os.environ.get("BB_CACHE"):
        return Path(home)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "builderbrain"


def read(folder: Path) -> dict[str, bytes] | None:
    """The files of one entry, every byte verified; None when absent, incomplete or damaged."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files = {name: (folder / name).read_bytes() for name in manifest}
    except (OSError, ValueError, TypeError):
        return None
    return files if {n: digest(b) for n, b in files.items()} == manifest else None


def write(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Write an entry, manifest last, each file whole or not at all; False if it cannot be kept."""
    manifest = json.dumps({n: digest(b) for n, b in files.items()}, indent=1, sort_keys=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in [*files.items(), (MANIFEST, manifest.encode())]:
            write_whole(folder / name, data)
    except OSError:
        return False
    return True


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file in one step, so that no reader and no crash sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_new(path: Path, data: bytes) -> bool:
    """Make a file that was not there, whole and on the disk; False if somebody made it first.

    Nobody but its owner can read it.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(handle)
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def remove_unfinished(folder: Path, *names: str) -> None:
    """Remove what a killed `write_whole` left of files of these names, which may be patterns.

    Only while nobody writes there: what is being written would be gone as well.
    """
    for name in names:
        for left in folder.glob(f".{name}.????????"):
            left.unlink(missing_ok=True)
