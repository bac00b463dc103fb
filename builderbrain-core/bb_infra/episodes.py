"""Episodes to learn from, out of a ledger: requests whose plan was carried out and came to its end.

A run counts when it ended `done`. Of its first round the plan that was let pass is what is learnt,
unless it failed: after a refused one (or a failed one that a person wrote anew, `bb plan run
--request`) the two make a pair, the failed and the corrected. Requests and plans come from the
sealed store; a run whose values were erased is left out. Runs on a twin count as any other.

Not covered: whether a plan that was carried out was what the person wanted; rounds after the first,
whose results are not in the ledger.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bb_core.compiled import Compiled
from bb_core.errors import BuilderbrainError
from bb_core.plan import Plan, from_json
from bb_core.record import Record
from bb_core.scene import scene
from bb_core.state import read_state
from bb_infra.entry import read_entries
from bb_infra.errors import Erased, InfraError
from bb_infra.sealed import Sealed, own_sealed
from bb_train.example import Example


@dataclass
class _Run:
    """What is known of a run while the ledger is read."""

    passed: Record | None = None
    carried: str = ""
    refused: int = 0
    done: bool = False
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """The episodes in the order in which their runs ended.

    examples are new, corrected is how many of them correct a plan that failed; before are the rest.
    seq, prev: of the last record read.
    """

    examples: tuple[Example, ...]
    corrected: int
    before: tuple[Example, ...]
    seq: int
    prev: str


def episodes(log: Path, compiled: Compiled, after: int = -1) -> Found:
    """The episodes of a domain; those whose runs ended behind record `after` are new."""
    runs, seq, prev = dict[str, _Run](), after, ""
    for entry in read_entries(log):
        _take(runs.setdefault(entry.record.run, _Run()), entry.record, entry.seq)
        seq, prev = entry.seq, entry.prev
    ended = sorted((run.seq, name) for name, run in runs.items() if run.done)
    with closing(own_sealed(log.parent)) as sealed:
        found = [
            (runs[name], example)
            for _, name in ended
            for example in _example(name, runs[name], compiled, sealed)
        ]
    new = [(run, example) for run, example in found if run.seq > after]
    return Found(
        examples=tuple(example for _, example in new),
        corrected=sum(run.refused > 0 for run, _ in new),
        before=tuple(example for run, example in found if run.seq <= after),
        seq=seq,
        prev=prev,
    )


def _take(run: _Run, record: Record, seq: int) -> None:
    if record.type == "verdict" and run.passed is None:
        refused = record.body.get("verdict") == "refused"
        run.refused += refused
        run.passed = None if refused else record
    elif record.type == "done" and "status" in record.body and run.passed and not run.carried:
        run.carried = str(record.body["status"])  # of the round that is learnt from
    elif record.type == "done" and "end" in record.body:
        run.done, run.seq = record.body["end"] == "done", seq


def _example(name: str, run: _Run, compiled: Compiled, sealed: Sealed) -> Iterator[Example]:
    record = run.passed
    if record is None or record.body.get("domain") != compiled.name or run.carried == "failed":
        return
    try:
        plan: Plan = from_json(sealed.read(record.plan))
        state = read_state(sealed.read(str(record.body["state"])))
    except (Erased, KeyError):
        return
    except BuilderbrainError as error:
        fix = f"erase it, if it is lost: bb log erase LEDGER --name {record.plan[:23]}"
        raise InfraError(str(error), where=f"run {name}", fix=fix) from error
    if plan.schema == compiled.digest and state.request and state.rounds == 0:
        yield Example(name, compiled.name, "train", scene(state.request), plan)
