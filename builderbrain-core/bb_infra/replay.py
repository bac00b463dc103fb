"""Judge a ledger's plans again: the same plan, state and rules must give the same verdict.

The plan and the state come from the sealed store beside the ledger and are what they were.
Not covered: guards, which were held on live values (the `result` and `refused` records say what
they found), and whether the ledger is whole (`bb log verify` says that).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import BuilderbrainError
from bb_core.plan import from_json
from bb_core.record import Record
from bb_core.state import read_state
from bb_core.verdict import verdict_json
from bb_infra.entry import read_log
from bb_infra.sealed import Sealed, own_sealed

_NOT_THE_CHECKERS = {"S.syntax", "S.long", "S.closed"}
"""Refused before there was a plan to check, or for how its text ended."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One verdict judged again. `same` is None where it could not be.

    `plan` is the plan's own digest; where it can no longer be read, its name in the ledger.
    """

    run: str
    plan: str
    same: bool | None
    says: str


def replay_log(
    path: Path, compiled: Callable[[str], Compiled], wanted: str = ""
) -> Iterator[Replayed]:
    """Every verdict of a ledger, judged again; a line that is not a record is a LedgerError."""
    with closing(own_sealed(path.parent)) as sealed:
        for record in read_log(path):
            if record.type != "verdict":
                continue
            found = _again(record, sealed, compiled)
            if any(name.startswith(wanted) for name in (_bare(record.plan), _bare(found.plan))):
                yield found


def _again(record: Record, sealed: Sealed, compiled: Callable[[str], Compiled]) -> Replayed:
    body, run, digest = dict(record.body), record.run, record.plan
    was, name, state = (str(body.get(key, "")) for key in ("verdict", "domain", "state"))
    if any(f'"{rule}"' in json.dumps(body.get("violations")) for rule in _NOT_THE_CHECKERS):
        return Replayed(run, digest, None, f"{was}; not replayed: there was no whole plan to check")
    try:
        plan, domain = from_json(sealed.read(record.plan)), compiled(name)
        digest = plan.digest
        if plan.schema != domain.digest:
            return Replayed(run, digest, None, f"{was}; not replayed: {name} has changed since")
        now = verdict_json(check(domain, plan, read_state(sealed.read(state))))
        body = _opened(body, sealed)
    except BuilderbrainError as error:
        found = f"{was}; not replayed: {str(error).splitlines()[0]}"
        return Replayed(run, digest, None, found)
    if {**now, "domain": name, "state": state} == body:
        return Replayed(run, digest, True, f"{was}, the same{_reasons(now)}")
    found = f"was {was}, is {now['verdict']} now or for other reasons"
    return Replayed(run, digest, False, found)


def _reasons(verdict: dict[str, Any]) -> str:
    """What a refusal found, which the ledger itself does not say."""
    rows = verdict.get("violations", ())
    return "".join(f"; {row['rule']} {row['step']}: {row['found']}" for row in rows)


def _opened(body: dict[str, Any], sealed: Sealed) -> dict[str, Any]:
    """A verdict with the texts that its violations' names stand for; older ledgers have texts."""
    rows = body.get("violations")
    if not isinstance(rows, list):
        return body
    return body | {"violations": [_texts(row, sealed) for row in rows]}


def _texts(row: Any, sealed: Sealed) -> Any:
    if not isinstance(row, dict):
        return row
    named = {k: v for k, v in row.items() if isinstance(v, str) and v.startswith("sha256:")}
    return row | {key: sealed.read(name) for key, name in named.items()}


def _bare(name: str) -> str:
    return name.removeprefix("sha256:")
