"""What the end of a run has found out by now, so that a run stopped there finds nothing out twice.

    found.jsonl    {"of": …, "found": …, "digest": …} a line

`of` is the digest of all that it depends on, `digest` that of the two others. A run ends with
hundreds of tasks to plan, at seconds each. A line that was not written whole is nothing, and so is
one without a digest, as earlier versions wrote them: it is found out again.
Not covered: what `of` does not name; a change of the code between two starts is not seen.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bb_core.canonical import Json, digest_json
from bb_train.checkpoint import cut_file
from bb_train.errors import ResumeError, StorageError

FILE = "found.jsonl"
_DELETE = "delete it: what it kept is found out again"


@dataclass
class Kept:
    """What is kept in a run's folder; one process at a time may add to it.

    Raises ResumeError where the file is not what was written.
    """

    folder: Path
    _known: dict[str, Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._path = self.folder / FILE
        data = self._path.read_bytes() if self._path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        cut_file(self._path, len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                where = f"{self._path}:{number}"
                raise ResumeError(f"not whole ({error})", where=where, fix=_DELETE) from error

    def _take(self, row: Any) -> None:
        """A line of the file; raises ValueError where it says something else than was written."""
        name, found = row["of"], row["found"]
        if "digest" not in row:
            return
        if row["digest"] != _digest(name, found):
            raise ValueError("not what its digest says")
        self._known[name] = found

    def once(self, of: Mapping[str, Json], find: Callable[[], Json]) -> Any:
        """What `find` gave for `of`, now or at an earlier start; plain JSON.

        Raises StorageError where the disk does not take it; what was kept before stays.
        """
        name = digest_json(dict(of))
        if name not in self._known:
            self._keep(name, find())
        return self._known[name]

    def _keep(self, name: str, found: Json) -> None:
        row = {"of": name, "found": found, "digest": _digest(name, found)}
        line = json.dumps(row).encode() + b"\n"
        try:
            with self._path.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            fix = "free some space and start again: it goes on from here"
            raise StorageError(str(error.strerror), where=str(self._path), fix=fix) from error
        self._known[name] = json.loads(line)["found"]


def _digest(name: Json, found: Json) -> str:
    return digest_json({"of": name, "found": found})
