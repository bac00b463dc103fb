"""What every ledger line says, and what lines about learning and deciding must say besides.

    {"figures": {"duals": …, "cosines": …, "cfs": …, "ged": …, "evsi": …, "v_s_delta": …},
     "digests": {"base": …, "rail": …, "grammar": …, "schema": …, "config": …}, …}

A record of a type in `COMPLETE` has both blocks, whole: null stands for a figure that nothing made
here, so that what is missing can be told from what was forgotten. A ledger refuses it otherwise.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields

from bb_core.canonical import Json, digest_json


@dataclass(frozen=True, slots=True)
class Record:
    """One event: what happened, in which run, to which plan, under which artifact.

    `artifact` is the digest over model, grammar, schema and config. `type` of a run is one of
    `decoded verdict approved intent result skipped parked refused done`; of a training `started
    trained measured shipped`; of a version `gate` a decision on it, `moving` and `moved` the
    pointer before and after.
    """

    type: str
    artifact: str
    run: str = ""
    plan: str = ""
    body: Mapping[str, Json] = field(default_factory=dict)


Ledger = Callable[[Record], None]


def no_ledger(record: Record) -> None:
    """A ledger that keeps nothing, for dry runs on a twin."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a training step or a decision showed; None for what nothing here has made.

    duals      multiplier by constraint
    cosines    cosine by pair of losses, before surgery
    cfs        share of choices that the grammar had to refuse, or the energy where nothing is drawn
    ged        edits between the plan made and the plan asked for, in [0, 1]
    evsi       what one more look would have been worth
    v_s_delta  the potential after, less the potential before
    """

    duals: Mapping[str, float] | None = None
    cosines: Mapping[str, float] | None = None
    cfs: float | None = None
    ged: float | None = None
    evsi: float | None = None
    v_s_delta: float | None = None

    def to_json(self) -> dict[str, Json]:
        """The block `figures`."""
        return dict(asdict(self))


@dataclass(frozen=True, slots=True)
class Digests:
    """What was at work, each by its digest; `none` for what was not there."""

    base: str = "none"
    rail: str = "none"
    grammar: str = "none"
    schema: str = "none"
    config: str = "none"

    def to_json(self) -> dict[str, Json]:
        """The block `digests`."""
        return dict(asdict(self))

    @property
    def artifact(self) -> str:
        """The one digest over all of them: what every record of a run carries."""
        return digest_json(self.to_json())


COMPLETE = frozenset({"decoded", "trained", "measured", "shipped", "gate"})
"""The types of record that carry both blocks."""

BLOCKS: Mapping[str, frozenset[str]] = {
    "figures": frozenset(f.name for f in fields(Figures)),
    "digests": frozenset(f.name for f in fields(Digests)),
}


def missing(record: Record) -> tuple[str, ...]:
    """What a record should say and does not, as `block` or `block.key`; empty for a whole one."""
    return tuple(_missing(record)) if record.type in COMPLETE else ()


def _missing(record: Record) -> Iterator[str]:
    for block, keys in BLOCKS.items():
        said = record.body.get(block)
        if isinstance(said, Mapping):
            yield from (f"{block}.{key}" for key in sorted(keys - said.keys()))
        else:
            yield block
