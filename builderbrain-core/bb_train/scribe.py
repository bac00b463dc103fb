"""What a training tells the ledger: each step, each measurement, what was shipped.

Every record says the multipliers, the cosines between the losses' gradients before surgery, the
share of skill choices the mask had to refuse, and what it was made with. A step that is taken again
after a crash is told again: such twins share run and step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from bb_core.canonical import Json, digest, digest_json
from bb_core.duals import Duals
from bb_core.record import Digests, Figures, Ledger, Record
from bb_nn.tensor_digest import coloned, tensor_digest
from bb_train.audits.cosine_log import cosine_row
from bb_train.boot import Booted
from bb_train.evaluate import Score
from bb_train.trainer import Taken


@dataclass
class Scribe:
    """Writes one training's records. `digests.rail` is of the weights when last looked at."""

    ledger: Ledger
    run: str
    digests: Digests

    @classmethod
    def of(cls, booted: Booted, ledger: Ledger) -> "Scribe":
        """For a run that has booted; tells the ledger that it begins, or goes on."""
        digests = Digests(
            base=booted.base.digest,
            grammar=digest(booted.compiled.grammar.text.encode()),
            schema=booted.compiled.digest,
            config=booted.config.digest,
        )
        name = f"train-{digest_json(dict(booted.made_from)).removeprefix('sha256:')[:12]}"
        made = cls(ledger, name, digests)
        made._tell("started", {"made_from": dict(booted.made_from)})
        return made

    def trained(self, taken: Taken, duals: Duals) -> None:
        """One step."""
        figures = Figures(
            duals=dict(duals.multipliers),
            cosines=cosine_row(taken.surgery),
            cfs=taken.figures.get("cfs_rate"),
        )
        body: dict[str, Json] = {
            "step": taken.step,
            "losses": dict(taken.losses),
            "gradient": taken.norm,
            "rate": taken.rate,
        }
        self._tell("trained", body, figures)

    def measured(self, step: int, scores: Sequence[Score], module: nn.Module, duals: Duals) -> None:
        """How the builder did on dev tasks, with the digest of its weights."""
        self.digests = replace(self.digests, rail=weights_digest(module))
        n = max(1, len(scores))
        ged = sum(score.agreement.ged for score in scores) / n if scores else None
        body: dict[str, Json] = {
            "step": step,
            "tasks": len(scores),
            "right": sum(score.right for score in scores) / n,
            "acted_wrongly": sum(score.acted_wrongly for score in scores) / n,
        }
        self._tell("measured", body, Figures(duals=dict(duals.multipliers), ged=ged))

    def shipped(self, record: bytes, body: Mapping[str, Any], duals: Duals) -> None:
        """The rail folder's record, by its digest."""
        self.digests = replace(self.digests, rail=digest(record))
        self._tell("shipped", dict(body), Figures(duals=dict(duals.multipliers)))

    def _tell(self, kind: str, body: dict[str, Json], figures: Figures | None = None) -> None:
        blocks = {
            "figures": (figures or Figures()).to_json(),
            "digests": self.digests.to_json(),
        }
        self.ledger(Record(kind, self.digests.artifact, self.run, body={**body, **blocks}))


def weights_digest(module: nn.Module) -> str:
    """sha256 over every tensor of the module, by name, to the bit."""
    return "sha256:" + tensor_digest(sorted(module.state_dict().items()), coloned)
