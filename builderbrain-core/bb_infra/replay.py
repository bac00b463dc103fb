"""Judge a ledger's plans again: the same plan, state and rules must give the same verdict.

The plan and the state come from the payloads beside the ledger and are what their digests say.
Not covered: guards, which were held on live values (the `result` and `refused` records say what
they found), and whether the ledger is whole (`bb log verify` says that).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import BuilderbrainError
from bb_core.plan import from_json
from bb_core.record import Record
from bb_core.state import read_state
from bb_core.verdict import verdict_json
from bb_infra.entry import read_log
from bb_infra.payloads import Payloads

PAYLOADS = "payloads"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One verdict judged again. `same` is None where it could not be."""

    run: str
    plan: str
    same: bool | None
    says: str


def replay_log(
    path: Path, compiled: Callable[[str], Compiled], wanted: str = ""
) -> Iterator[Replayed]:
    """Every verdict of a ledger, judged again; a line that is not a record is a LedgerError."""
    payloads = Payloads(path.parent / PAYLOADS)
    for record in read_log(path):
        if record.type == "verdict" and record.plan.removeprefix("sha256:").startswith(wanted):
            same, says = _again(record, payloads, compiled)
            yield Replayed(record.run, record.plan, same, says)


def _again(
    record: Record, payloads: Payloads, compiled: Callable[[str], Compiled]
) -> tuple[bool | None, str]:
    body = dict(record.body)
    was, name, state = (str(body.get(key, "")) for key in ("verdict", "domain", "state"))
    try:
        domain, plan = compiled(name), from_json(payloads.read(record.plan))
        if plan.schema != domain.digest:
            return None, f"{was}; not replayed: {name} has changed since"
        now = verdict_json(check(domain, plan, read_state(payloads.read(state))))
    except BuilderbrainError as error:
        return None, f"{was}; not replayed: {str(error).splitlines()[0]}"
    if {**now, "domain": name, "state": state} == body:
        return True, f"{was}, the same"
    return False, f"was {was}, is {now['verdict']} now or for other reasons"
