"""A candidate from episodes: adapters alone, near what serves, no worse on what was known.

    min over adapters  L_task(new and replayed) + lambda_kl (KL_replay - kl) + ...

by the same loop as stage 1 (multipliers, surgery, the ledger's figures). Afterwards the change is
shrunk, theta <- theta_0 + s (theta - theta_0), until both guards hold on replayed episodes that
were not learnt from: KL to what serves at most `kl`, task loss risen by at most `drift`. Where no s
does, there is no candidate.

Not covered: whether the candidate is any good; the gate says that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from bb_core import duals as multipliers
from bb_core.duals import Constraint, Duals, Warmup
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.loss import losses
from bb_nn.builder.still import still
from bb_train.audits.windup import Point
from bb_train.continual.adapters import (
    adapter_state,
    adapters,
    load_adapters,
    parameters_in_use,
    require_trunk,
    with_adapters,
)
from bb_train.continual.learning import Learning
from bb_train.continual.nearness import nearness
from bb_train.errors import DataError
from bb_train.example import Example
from bb_train.induce import induced
from bb_train.learner import Lesson, States, barred, lessons
from bb_train.objective import raw_losses
from bb_train.trainer import Taken, Trainer

Tell = Callable[[Taken, Duals], None]
SCALES = (1.0, 0.7, 0.5, 0.35, 0.2, 0.1)


@dataclass(frozen=True)
class Episodes:
    """What is new, what is replayed, and what is replayed only to measure on."""

    fresh: Sequence[Example]
    replay: Sequence[Example] = ()
    held: Sequence[Example] = ()


@dataclass(frozen=True)
class Learnt:
    """What came of it. `builder` is None where no scale kept both guards.

    kl, drift: on held replay, at the scale taken (or the smallest tried). path: each multiplier's.
    """

    builder: PlanBuilder | None
    scale: float
    kl: float
    drift: float
    trunk: str
    parameters: int
    last: Taken | None
    duals: Duals
    paths: Mapping[str, Sequence[Point]] = field(default_factory=dict)


class AdapterLearner:
    """A builder's adapters and lessons; those from `replayed` on are held near what serves."""

    def __init__(
        self,
        builder: PlanBuilder,
        serving: PlanBuilder,
        lessons: Sequence[Lesson],
        replayed: int,
        states: States,
    ) -> None:
        self.builder, self.serving, self.lessons = builder, serving, lessons
        self.replayed, self.states = replayed, states
        builder.requires_grad_(False)
        self.tensors = list(adapters(builder).values())
        for tensor in self.tensors:
            tensor.requires_grad_(True)

    @property
    def module(self) -> nn.Module:
        """All that is trained is in it; the rest asks for no gradient."""
        return self.builder

    @property
    def count(self) -> int:
        """How many lessons there are."""
        return len(self.lessons)

    def loss(
        self, rows: Sequence[int]
    ) -> tuple[dict[str, Tensor], dict[str, float], Sequence[Tensor]]:
        """Raw losses with `kl` over the replayed ones; they meet at the adapters themselves."""
        batch = self._batch(rows)
        outcome = self.builder.network(batch)
        found = losses(outcome, batch)
        every = raw_losses(found)
        raw = {name: every[name] for name in ("task", "cfs", "calibration")}
        if old := [row for row in rows if row >= self.replayed]:
            raw["kl"] = self._kl(old)
        return raw, {"cfs_rate": barred(found)}, self.tensors

    def _kl(self, rows: Sequence[int]) -> Tensor:
        """KL to what serves, both without dropout: its noise is no change of what is answered."""
        batch = self._batch(rows)
        with torch.no_grad(), still(self.serving):
            theirs = self.serving.network(batch)
        with still(self.builder):
            ours = self.builder.network(batch)
        return nearness(ours, theirs, batch)

    def _batch(self, rows: Sequence[int]) -> Any:
        chosen = [self.lessons[row] for row in rows]
        tapped = [self.states(one.text) for one in chosen]
        return self.builder.batch(tapped, [one.encoded for one in chosen])


def learn(
    serving: PlanBuilder,
    episodes: Episodes,
    states: States,
    wanted: Learning,
    tell: Tell = lambda taken, duals: None,
) -> Learnt:
    """Learn from the new episodes beside the old ones; `tell(taken, duals)` after each step."""
    builder = with_adapters(serving, wanted.rank)
    before = adapter_state(builder)
    fresh, replay, held = (
        lessons(builder, [induced(builder, one, states) for one in part], states).lessons
        for part in (episodes.fresh, episodes.replay, episodes.held)
    )
    if not fresh:
        raise DataError("no new episode's plan can be said", where=serving.space.compiled.name)
    # New and old weigh the same: the smaller side is gone through more often.
    new = _repeated(fresh, max(len(fresh), len(replay)))
    old = _repeated(replay, len(new)) if replay else []
    learner = AdapterLearner(builder, serving, [*new, *old], len(new), states)
    limits = (Constraint("kl", max(wanted.kl, 1e-3), 0.1, 10.0),)
    state = multipliers.duals(*limits, warmup=Warmup(0, 1.0, 0))
    trainer = Trainer(learner, wanted.optimiser, wanted.seed, "pcgrad", state)
    taken, paths = None, dict[str, list[Point]]()
    while trainer.step < wanted.optimiser.steps:
        taken = trainer.advance()
        tell(taken, trainer.duals)
        for name, row in trainer.duals.rows().items():
            point = Point(row["ema"], row["limit"], row["lambda"], taken.losses["task"])
            paths.setdefault(name, []).append(point)
    builder.eval().requires_grad_(False)
    scale, kl, drift = _shrunk(builder, serving, before, held, states, wanted)
    trunk = require_trunk(builder, serving)
    kept = scale > 0
    return Learnt(
        builder if kept else None,
        scale,
        kl,
        drift,
        trunk,
        parameters_in_use(builder),
        taken,
        trainer.duals,
        paths,
    )


def _repeated(lessons: Sequence[Lesson], count: int) -> list[Lesson]:
    return [lessons[i % len(lessons)] for i in range(count)] if lessons else []


def _shrunk(
    builder: PlanBuilder,
    serving: PlanBuilder,
    before: Mapping[str, Tensor],
    held: Sequence[Lesson],
    states: States,
    wanted: Learning,
) -> tuple[float, float, float]:
    """The largest scale at which both guards hold, with the KL and the drift there; 0 for none."""
    after = adapter_state(builder)
    kl = drift = 0.0
    for scale in SCALES:
        load_adapters(builder, dict(_between(before, after, scale)))
        kl, drift = measured(builder, serving, held, states)
        if kl <= wanted.kl and drift <= wanted.drift:
            return scale, kl, drift
    load_adapters(builder, before)
    return 0.0, kl, drift


def _between(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], scale: float
) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in after.items():
        yield name, before[name] + scale * (tensor - before[name])


@torch.no_grad()
def measured(
    builder: PlanBuilder, serving: PlanBuilder, lessons: Sequence[Lesson], states: States
) -> tuple[float, float]:
    """(KL to what serves in nats an episode, rise of the task loss) over lessons; 0 for none."""
    kl = drift = 0.0
    for begin in range(0, len(lessons), 16):
        part = lessons[begin : begin + 16]
        batch = builder.batch([states(o.text) for o in part], [o.encoded for o in part])
        ours, theirs = builder.network(batch), serving.network(batch)
        kl += float(nearness(ours, theirs, batch)) * len(part)
        drift += float(losses(ours, batch).task - losses(theirs, batch).task) * len(part)
    return kl / max(1, len(lessons)), drift / max(1, len(lessons))
