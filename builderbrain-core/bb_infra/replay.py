"""Judge a ledger's plans again: the same plan under the same schema has the same verdict.

A verdict is replayed from the text that was decoded just before it. Not covered: rounds after the
first, whose verdicts rest on results that the ledger keeps only in part, and whether the ledger is
whole (`bb log verify` says that).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bb_core.canonical import canonical
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import PlanError
from bb_core.record import Record
from bb_core.verdict import verdict_json
from bb_infra.entry import read_entry
from bb_infra.errors import LedgerError


@dataclass(frozen=True, slots=True)
class Replayed:
    """One verdict judged again. `same` is None where it could not be."""

    run: str
    plan: str
    same: bool | None
    says: str


def replay_log(path: Path, compiled: Compiled, wanted: str = "") -> Iterator[Replayed]:
    """Every verdict of a ledger, judged again; a line that is not a record is a LedgerError."""
    decoded: dict[str, Mapping[str, Any]] = {}
    for record in _records(path):
        if record.type == "decoded":
            decoded[record.run] = record.body
        if record.type != "verdict" or not record.plan.removeprefix("sha256:").startswith(wanted):
            continue
        draft = decoded.get(record.run, {})
        same, says = _judge(compiled, record, draft)
        yield Replayed(record.run, record.plan, same, says)


def _judge(compiled: Compiled, record: Record, draft: Mapping[str, Any]) -> tuple[bool | None, str]:
    was = record.body.get("verdict", "?")
    if not isinstance(draft.get("text"), str):
        return None, f"{was}; not replayed: its text is not in the ledger"
    if draft.get("round") != 0:
        return None, f"{was}; not replayed: it rests on results of earlier rounds"
    try:
        plan = compiled.parse(draft["text"])
    except PlanError as error:
        return was == "refused", f"{was}; it is no plan: {str(error).splitlines()[0]}"
    if plan.digest != record.plan:
        return None, f"{was}; not replayed: the domain's grammar or schema has changed since"
    now = verdict_json(check(compiled, plan))
    if canonical(now) == canonical(dict(record.body)):
        return True, f"{was}, the same"
    return False, f"was {was}, is {now['verdict']} now or for other reasons"


def _records(path: Path) -> Iterator[Record]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield read_entry(line.rstrip(b"\n")).record
            except ValueError as error:
                fix = f"run: bb log verify {path}"
                raise LedgerError(str(error), where=f"{path}:{number}", fix=fix) from error
