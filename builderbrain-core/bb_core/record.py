"""What every ledger line says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bb_core.canonical import Json


@dataclass(frozen=True, slots=True)
class Record:
    """One event of a run: what happened, to which plan, under which artifact.

    `artifact` is the digest over model, grammar, schema and config; `type` is one of
    `compiled decoded verdict approved intent result skipped parked refused done config`, or of a
    version: `gate` a decision on it, `moving` and `moved` the pointer before and after.
    """

    type: str
    artifact: str
    run: str = ""
    plan: str = ""
    body: Mapping[str, Json] = field(default_factory=dict)


Ledger = Callable[[Record], None]


def no_ledger(record: Record) -> None:
    """A ledger that keeps nothing, for dry runs on a twin."""
