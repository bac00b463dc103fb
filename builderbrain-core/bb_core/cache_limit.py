"""A cache that does not grow without end: the entries that were read last are kept.

An entry's time is that of its folder, set anew whenever it is read. What another process may be
reading or writing is left alone: all that was used within the last hour, however much that is. Were
an entry taken from under a reader all the same, it would find it incomplete and make it anew.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bb_core import cache

MOST = 256
"""Entries kept of one kind; a domain's takes some 60 KB."""

IN_USE_S = 3600.0
"""Seconds for which what was used counts as in use."""


def read_or_make(folder: Path, make: Callable[[], Mapping[str, bytes]]) -> Mapping[str, bytes]:
    """The files of an entry, made and kept where they are not there or not whole.

    Raises what `make` raises; nothing is kept then.
    """
    if (files := cache.read(folder)) is not None:
        mark_read(folder)
        return files
    made = make()
    cache.write(folder, made)
    keep_latest(folder.parent)
    return made


def mark_read(folder: Path) -> None:
    """Say that an entry was read just now; a cache that cannot be written stays as it is."""
    try:
        os.utime(folder)
    except OSError:
        return


def keep_latest(home: Path, most: int = MOST) -> None:
    """Drop the entries of a cache that were not read for the longest, until so many are left."""
    try:
        entries = [(_used(entry), entry.path) for entry in os.scandir(home) if entry.is_dir()]
    except OSError:
        return
    until = time.time() - IN_USE_S
    for used, path in sorted(entries, reverse=True)[most:]:
        if used < until:
            shutil.rmtree(path, ignore_errors=True)


def _used(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except OSError:  # dropped by another process since
        return time.time()
