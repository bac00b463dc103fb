"""What the ledger names only by digest: plans, states, drafts. Each file is named after its sha256.

Erasing a file leaves the ledger whole: the digest stays, the content is gone. A file that is not
what its name says is refused.
"""

import re
from pathlib import Path

from bb_core.cache import write_whole
from bb_core.canonical import Json, canonical, digest
from bb_infra.errors import LedgerError

NAME = re.compile(r"sha256:[0-9a-f]{64}")


class Payloads:
    """A folder of payloads by digest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, value: Json) -> str:
        """Keep a JSON value and give its digest; raises LedgerError where it cannot be kept."""
        try:
            data = canonical(value)
        except ValueError as error:
            raise LedgerError(f"a payload is not plain JSON ({error})") from error
        name = digest(data)
        path = self._path(name)
        try:
            # One that was damaged since is written anew.
            if not path.exists() or path.read_bytes() != data:
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_whole(path, data)
        except OSError as error:
            fix = "free some space; nothing is done without its record"
            raise LedgerError(
                f"a payload could not be written ({error.strerror})", where=str(path), fix=fix
            ) from error
        return name

    def read(self, name: str) -> Json:
        """The value a digest names; raises LedgerError when it is gone or not what it was."""
        import json

        path = self._path(name)
        try:
            data = path.read_bytes()
        except OSError:
            raise LedgerError("the payload has been erased", where=str(path)) from None
        if digest(data) != name:
            raise LedgerError("the payload is not what the ledger names", where=str(path))
        value: Json = json.loads(data)
        return value

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise LedgerError(f"{name[:80]!r} is no payload's digest", where=str(self.folder))
        return self.folder / f"{name.removeprefix('sha256:')}.json"
