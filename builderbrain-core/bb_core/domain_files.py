"""Reading a domain's files: inside its folder, regular, small, UTF-8, with names people can read.

Not covered: a file that changes between two reads, and code in tool_adapters.py or skins.py, which
runs with the rights of whoever runs it.
"""

import stat
import unicodedata
from pathlib import Path

from bb_core.errors import DomainError

LIMIT = 1_000_000
DOCUMENT_LIMIT = 8_000_000
"""What a document that tools are imported from may hold; generated ones are long."""
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def read_text(folder: Path, name: str, *, limit: int = LIMIT) -> str:
    """The text of one of a domain's files; raises DomainError that says why it cannot be used."""
    where = f"{folder.name}/{name}"
    path = folder / name
    refuse_lookalikes(path.parent, f"{path.parent.name}/")
    try:
        found = path.resolve(strict=True)
        info = found.stat()
    except (OSError, RuntimeError) as error:
        raise DomainError(_missing(path, error), where=where, fix=f"add {name}") from error
    if not found.is_relative_to(folder.resolve()):
        raise DomainError(
            "is a symlink that leaves the domain's folder",
            where=where,
            fix="keep a copy in the folder",
        )
    if not stat.S_ISREG(info.st_mode):
        raise DomainError("is not a regular file", where=where)
    if info.st_size > limit:
        raise DomainError(
            f"holds {info.st_size:,} bytes; at most {limit:,} are read", where=where, fix="split it"
        )
    return decode(found.read_bytes(), where)


def decode(data: bytes, where: str) -> str:
    """Bytes as UTF-8 text without bidirectional controls; errors name the line."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DomainError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            where=f"{where}:{line}",
            fix="save it as UTF-8",
        ) from error
    for line, content in enumerate(text.splitlines(), 1):
        hidden = _BIDI & set(content)
        if hidden:
            raise DomainError(
                f"holds invisible U+{ord(min(hidden)):04X}, which reorders what is seen",
                where=f"{where}:{line}",
                fix="write it as an escape",
            )
    return text


def refuse_lookalikes(folder: Path, where: str) -> None:
    """Raise DomainError if a file's name here could be mistaken for another one."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return
    for name in names:
        odd = [c for c in name if not c.isascii() or not c.isprintable()]
        if odd:
            title = unicodedata.name(odd[0], f"U+{ord(odd[0]):04X}")
            raise DomainError(
                f"file name {name!a} holds {title}",
                where=where,
                fix="rename it in plain ASCII",
            )


def _missing(path: Path, error: Exception) -> str:
    if path.is_symlink():
        return "is a symlink that leads nowhere"
    return "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
