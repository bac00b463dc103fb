"""What a ledger is told of a candidate's training: each step, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bb_core.canonical import Json
from bb_core.record import Digests, Figures, Ledger, Record
from bb_train.audits.cosine_log import cosine_row
from bb_train.continual.no_candidate import NoCandidate


@dataclass(frozen=True)
class Told:
    """Tells a ledger of one training, `run`, beside what `digests` names."""

    ledger: Ledger
    run: str
    digests: Digests

    def __call__(self, taken: Any, duals: Any) -> None:
        figures = Figures(
            duals=dict(duals.multipliers),
            cosines=cosine_row(taken.surgery),
            cfs=taken.figures["cfs_rate"],
        )
        self._tell("trained", figures, {"step": taken.step, "losses": dict(taken.losses)})

    def none(self, why: str, figures: Figures, came: Mapping[str, Json]) -> NoCandidate:
        """There is no candidate."""
        self._tell("measured", figures, {"candidate": "", "why": why, **came})
        return NoCandidate(why)

    def made(
        self, ident: str, alarms: Sequence[str], figures: Figures, came: Mapping[str, Json]
    ) -> None:
        """There is one, and this is what its audits found."""
        self._tell("measured", figures, {"candidate": ident, "alarms": [*alarms], **came})

    def _tell(self, kind: str, figures: Figures, body: Mapping[str, Json]) -> None:
        blocks = {"figures": figures.to_json(), "digests": self.digests.to_json()}
        self.ledger(Record(kind, self.digests.artifact, self.run, body={**body, **blocks}))
