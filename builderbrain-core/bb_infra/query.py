"""Find records in a ledger: by run, kind, time, and any condition on what they say.

Not covered: whether the ledger is whole (`bb log verify` says that), and what is only named by a
salted hash.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bb_core.canonical import Json
from bb_infra.entry import Entry, read_entries
from bb_infra.errors import LedgerError
from bb_infra.table import columns

KNOWN = frozenset({"seq", "ts", "type", "run", "artifact", "plan", "body"})
WIDEST = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: all of these hold. Empty asks for nothing.

    `since` is included, `until` is not. `where` is CEL over `seq ts type run artifact plan body`;
    a record that lacks what it names does not match.
    """

    run: str = ""
    kinds: frozenset[str] = frozenset()
    since: str = ""
    until: str = ""
    where: str = ""


def _require_seen(path: Path, wanted: Wanted, types: set[str], runs: set[str]) -> None:
    """A type or run that no record has is most likely a slip of the pen."""
    if unknown := sorted(wanted.kinds - types):
        found = f"no record is of type {unknown[0]!r}"
        fix = f"it has: {', '.join(sorted(types)) or 'no records'}"
        raise LedgerError(found, where=str(path), fix=fix)
    if wanted.run and wanted.run not in runs:
        fix = f"list the records: bb log query {path}"
        raise LedgerError(f"no record is of run {wanted.run!r}", where=str(path), fix=fix)


def matching(path: Path, wanted: Wanted) -> Iterator[Entry]:
    """The entries that are wanted, in order; raises LedgerError for a condition that is none.

    The same for a type or a run that no record of the ledger has.
    """
    if not path.is_file():
        fix = "give the path of a ledger file"
        raise LedgerError("there is no ledger here", where=str(path), fix=fix)
    since, until = moment(wanted.since), moment(wanted.until)
    _require(wanted.where)
    types, runs = set[str](), set[str]()
    for entry in read_entries(path):
        record = entry.record
        types.add(record.type)
        runs.add(record.run)
        if wanted.run and record.run != wanted.run:
            continue
        if wanted.kinds and record.type not in wanted.kinds:
            continue
        if since or until:
            at = moment(entry.ts)
            if (since and at < since) or (until and at >= until):
                continue
        if not wanted.where or _holds(wanted.where, entry):
            yield entry
    _require_seen(path, wanted, types, runs)


def moment(text: str) -> datetime | Any:
    """A time as people write one (RFC 3339, or a date); UTC where no zone is given. None for ""."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fix = "write it as 2026-01-31 or 2026-01-31T08:15:00Z"
        raise LedgerError(f"{text[:40]!r} is not a time", fix=fix) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def entry_json(entry: Entry) -> dict[str, Json]:
    """The entry as the line that stands in the ledger."""
    record = entry.record
    return {
        "seq": entry.seq,
        "ts": entry.ts,
        "prev": entry.prev,
        "type": record.type,
        "run": record.run,
        "artifact": record.artifact,
        "plan": record.plan,
        "body": dict(record.body),
    }


def field_of(entry: Entry, path: str) -> Json:
    """The value at a dotted path, `body.figures.cfs`; None where there is none."""
    value: Any = entry_json(entry)
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    found: Json = value
    return found


def table(entries: Sequence[Entry], fields: Sequence[str]) -> list[str]:
    """The entries as lines of a table, one each; `fields` are shown instead of a summary."""
    if not entries:
        return []
    head = ["seq", "time", "type", "run", "plan", *(fields or ["says"])]
    rows = [[*_head(e), *([_shown(field_of(e, f)) for f in fields] or [_says(e)])] for e in entries]
    return columns([head, *rows])


def _head(entry: Entry) -> list[str]:
    record = entry.record
    plan = record.plan.removeprefix("sha256:")[:8]
    return [str(entry.seq), entry.ts, record.type, record.run, plan]


def _says(entry: Entry) -> str:
    plain = {k: v for k, v in entry.record.body.items() if isinstance(v, str | int | float)}
    said = " ".join(f"{k}={_shown(v)}" for k, v in sorted(plain.items()) if v != "")
    return said if len(said) <= WIDEST else said[: WIDEST - 1] + "…"


def _shown(value: Json) -> str:
    if isinstance(value, str):
        return value if len(value) <= WIDEST else value[: WIDEST - 1] + "…"
    from bb_core.canonical import canonical

    return "-" if value is None else canonical(value).decode()


def _require(where: str) -> None:
    from bb_core.errors import SchemaError

    if not where:
        return
    from bb_core.guards import names

    try:
        unknown = sorted(names(where) - KNOWN)
    except SchemaError as error:
        raise LedgerError(error.found, where="--where", fix=error.fix) from error
    if unknown:
        fix = f"known: {', '.join(sorted(KNOWN))}"
        raise LedgerError(f"a record has no {unknown[0]!r}", where="--where", fix=fix)


def _holds(where: str, entry: Entry) -> bool:
    from bb_core.guards import program

    try:
        value = program(where).execute(dict(entry_json(entry)))
    except Exception:  # it asks for what this record has not
        return False
    if not isinstance(value, bool):
        found = f"gave a {type(value).__name__}, not true or false"
        fix = "ask what is true or false, for example: body.status == 'done'"
        raise LedgerError(found, where="--where", fix=fix)
    return value
