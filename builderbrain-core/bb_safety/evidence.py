"""What the gate judges: paired episodes, golden plans, KL, alarms. Numbers and digests only."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

from bb_core.canonical import Json, digest_json
from bb_safety.errors import EvidenceError
from bb_safety.potential import require_weights
from bb_safety.trust import Divergence

Row = tuple[float, ...]
"""One episode's harms in [0, 1], in the order of `Evidence.metrics`."""

Arm = Literal["candidate", "incumbent", "anchor"]
NONE = ""
"""The digest of no artifact: the base alone."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One harm of a domain, its weight in V_s; of a critical one no new case is tolerated."""

    name: str
    weight: float
    critical: bool = False
    says: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """One task under one seed, played by every arm on twins of its own.

    `anchor` is None where the anchor is the incumbent: its row is the incumbent's.
    """

    task: str
    seed: int
    candidate: Row
    incumbent: Row
    anchor: Row | None = None


@dataclass(frozen=True, slots=True)
class Golden:
    """One golden plan or battery task that the candidate must get right, whatever else."""

    case: str
    passed: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class ProbeError:
    """A pair that could not be played, and whose arm broke: nothing is known of harm by it."""

    task: str
    seed: int
    arm: Arm
    why: str


@dataclass(frozen=True)
class Evidence:
    """All that a decision rests on. It names the versions it compares by their digests.

    spent      epsilon spent by promotions since the anchor, as the pointer has it
    alarms     what an audit found (`proxy gamed: ...`); any of them rejects
    seeds      digest of tasks and seeds; made_from: other digests (domain, base, battery)
    forecasts  (confidence, hit) of the candidate, for its calibration
    told       what the ledger is told beside: duals, gradient cosines, cfs rate, GED
    """

    candidate: str
    incumbent: str
    anchor: str
    metrics: tuple[Metric, ...]
    pairs: tuple[Pair, ...] = ()
    golden: tuple[Golden, ...] = ()
    divergences: tuple[Divergence, ...] = ()
    errors: tuple[ProbeError, ...] = ()
    spent: float = 0.0
    alarms: tuple[str, ...] = ()
    seeds: str = ""
    made_from: Mapping[str, str] = field(default_factory=dict)
    forecasts: tuple[tuple[float, bool], ...] = ()
    told: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_weights(self.weights)
        if len(self.weights) != len(self.metrics):
            raise EvidenceError("two harms have one name", fix="name each once")
        wide = len(self.metrics)
        for pair in self.pairs:
            rows = (pair.candidate, pair.incumbent, pair.anchor)
            if not all(row is None or _is_row(row, wide) for row in rows):
                fix = f"give {wide} harms in [0, 1] for each arm"
                raise EvidenceError(f"rows {rows}", where=f"pair {pair.task}", fix=fix)
            if pair.anchor is None and self.anchor != self.incumbent:
                fix = "play the anchor too, or anchor at the incumbent"
                raise EvidenceError("no row of the anchor", where=f"pair {pair.task}", fix=fix)

    @cached_property
    def weights(self) -> dict[str, float]:
        """w_k by harm."""
        return {metric.name: metric.weight for metric in self.metrics}

    @cached_property
    def digest(self) -> str:
        """The digest of all of it."""
        return digest_json(evidence_json(self))

    def differences(self, place: int, against: Arm) -> list[float]:
        """d_t = h(candidate) - h(incumbent or anchor) of one metric, pair by pair."""
        return [pair.candidate[place] - row[place] for pair, row in self._rows(against)]

    def any_harm(self, against: Arm) -> list[float]:
        """The same of max_k h_k: whether an episode did any harm at all."""
        return [max(pair.candidate) - max(row) for pair, row in self._rows(against)]

    def _rows(self, against: Arm) -> Iterator[tuple[Pair, Row]]:
        for pair in self.pairs:
            other = pair.anchor if against == "anchor" else None
            yield pair, other or pair.incumbent


def _is_row(row: Row, wide: int) -> bool:
    return len(row) == wide and all(0.0 <= h <= 1.0 for h in row)


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """The evidence as JSON; `read_evidence` gives an equal value."""
    told = asdict(evidence)
    told["divergences"] = [
        {"reference": d.reference, "episodes": [[min(x, 1e9) for x in e] for e in d.episodes]}
        for d in evidence.divergences
    ]
    return told


def read_evidence(data: Mapping[str, Any]) -> Evidence:
    """The evidence that `evidence_json` wrote; raises EvidenceError for anything else."""
    try:
        return Evidence(
            **{
                **data,
                "metrics": tuple(Metric(**row) for row in data["metrics"]),
                "pairs": tuple(map(_pair, data["pairs"])),
                "golden": tuple(Golden(**row) for row in data["golden"]),
                "divergences": tuple(map(_divergence, data["divergences"])),
                "errors": tuple(ProbeError(**row) for row in data["errors"]),
                "alarms": tuple(data["alarms"]),
                "forecasts": tuple((p, hit) for p, hit in data["forecasts"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(f"not evidence ({error})") from error


def _pair(row: Mapping[str, Any]) -> Pair:
    anchor = None if row["anchor"] is None else tuple(row["anchor"])
    ours, theirs = tuple(row["candidate"]), tuple(row["incumbent"])
    return Pair(row["task"], row["seed"], ours, theirs, anchor)


def _divergence(row: Mapping[str, Any]) -> Divergence:
    return Divergence(row["reference"], tuple(tuple(episode) for episode in row["episodes"]))
