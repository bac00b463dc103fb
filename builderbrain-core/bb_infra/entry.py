"""One ledger line: a record with its place in the chain, as canonical JSON (RFC 8785).

    {"artifact": …, "body": …, "plan": …, "prev": …, "run": …, "seq": …, "ts": …, "type": …}

`prev` is the leaf hash of the line before, so the chain and the Merkle tree hash the same bytes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785

from bb_core.canonical import canonical
from bb_core.record import Record
from bb_infra.errors import LedgerError

FIRST = ""
"""What the first line gives as the hash of the line before it."""

_TYPES = {"seq": int, "body": dict} | dict.fromkeys(
    ("ts", "prev", "type", "run", "artifact", "plan"), str
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A record at its place in a ledger."""

    seq: int
    ts: str
    prev: str
    record: Record

    def line(self) -> bytes:
        """The line without its newline; raises LedgerError for a body that is not JSON."""
        record = self.record
        try:
            return canonical(
                {
                    "seq": self.seq,
                    "ts": self.ts,
                    "prev": self.prev,
                    "type": record.type,
                    "run": record.run,
                    "artifact": record.artifact,
                    "plan": record.plan,
                    "body": dict(record.body),
                }
            )
        except (rfc8785.CanonicalizationError, RecursionError, UnicodeError) as error:
            raise LedgerError(
                f"record '{record.type}' is not canonical JSON ({error})",
                fix="keep to JSON values, integers below 2**53",
            ) from error


def read_entry(line: bytes) -> Entry:
    """The entry a line stands for, only if it is written in the one canonical way.

    Raises ValueError that says what is wrong.
    """
    data = _parse(line)
    if not isinstance(data, dict) or set(data) != set(_TYPES):
        raise ValueError("it is not an object with the eight ledger keys")
    for key, kind in _TYPES.items():
        if type(data[key]) is not kind:
            raise ValueError(f"'{key}' is not a JSON {_NAMES[kind]}")
    record = Record(data["type"], data["artifact"], data["run"], data["plan"], data["body"])
    return Entry(data["seq"], data["ts"], data["prev"], record)


def read_log(path: Path) -> Iterator[Record]:
    """The records of a ledger file; see `read_entries`."""
    return (entry.record for entry in read_entries(path))


def read_entries(path: Path) -> Iterator[Entry]:
    """The entries of a ledger file; raises LedgerError at a line that is not one.

    A last line without its newline was never finished, and is left out.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield read_entry(line[:-1])
            except ValueError as error:
                fix = f"run: bb log verify {path}"
                raise LedgerError(str(error), where=f"{path}:{number}", fix=fix) from error


_NAMES = {int: "integer", str: "string", dict: "object"}


def _parse(line: bytes) -> Any:
    floats: list[str] = []

    def number(text: str) -> float:
        floats.append(text)
        return float(text)

    def integer(text: str) -> int | float:  # RFC 8785 writes a double of 1e16 in plain digits
        return int(text) if len(text) < 16 else number(text)

    try:
        data = json.loads(line, parse_float=number, parse_constant=number, parse_int=integer)
        if not floats and line.isascii():  # here the C encoder writes RFC 8785, 5 times faster
            text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            again = text.encode()
        else:
            again = canonical(data)
    except (ValueError, RecursionError) as error:  # JSON, UTF-8 and RFC 8785 errors are ValueErrors
        raise ValueError(f"it is not canonical JSON ({error})") from error
    if again != line:
        raise ValueError("it is JSON, but not written canonically (RFC 8785)")
    return data
