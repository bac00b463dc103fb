"""Stage 1: train a builder on examples, with constraints held, and keep the best on dev.

Every step's losses, multipliers, cosines and rate go to the log; every so often some dev tasks are
planned and carried out for real, and the best builder so far is kept. A run that was killed goes on
from its last checkpoint and takes the same steps.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from bb_core import duals as multipliers
from bb_core.duals import Constraint, Duals, Warmup
from bb_runtime.builder_planner import BuilderPlanner
from bb_runtime.planner import ModelPlanner
from bb_runtime.rounds import Planner
from bb_train.boot import Booted
from bb_train.checkpoint import FOLDER, Checkpoint, Checkpoints
from bb_train.errors import ResumeError
from bb_train.evaluate import Evaluator, table
from bb_train.learner import BuilderLearner
from bb_train.scribe import Scribe
from bb_train.spread import spread
from bb_train.trainer import Taken, Trainer, method_of
from bb_train.training_log import Progress, TrainingLog


@dataclass(frozen=True, slots=True)
class Offline:
    """What a training left: steps, seconds spent in all its processes, the best step and figures.

    `booted.builder` holds the best builder's weights.
    """

    steps: int
    seconds: float
    best_step: int
    best: float
    duals: Duals


def offline(booted: Booted, progress: Progress, scribe: Scribe) -> Offline:
    """Train to the end, from the beginning or from the last checkpoint."""
    run = _Offline(booted, progress, scribe)
    try:
        with deterministic():
            return run.go()
    finally:
        try:
            run.log.close()
        finally:
            progress.close()


@contextmanager
def deterministic() -> Iterator[None]:
    """Only algorithms whose sums come out the same every time, with as many threads."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


class _Offline:
    """A training under way."""

    def __init__(self, booted: Booted, progress: Progress, scribe: Scribe) -> None:
        self.booted, self.progress, self.config = booted, progress, booted.config
        self.scribe = scribe
        composes = "build" in self.config.constraints
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.run.seed)  # a composer is made by chance
            learner = BuilderLearner(
                booted.builder, booted.lessons.lessons, booted.cache.get, composes=composes
            )
        self.trainer = Trainer(
            learner,
            self.config.optimiser,
            self.config.run.seed,
            method_of(self.config.surgery.method),
            duals_of(self.config.constraints),
        )
        self.keeper = Checkpoints(booted.folder / FOLDER, progress.say)
        self.best, self.best_step, self.before = -1.0, 0, 0.0
        last = self.keeper.last(booted.made_from)
        if last is not None:
            self._resume(last)
        begin = last.values["log"] if last else 0
        self.log = TrainingLog(booted.folder, begin, self.trainer.step, tell=progress.say)

    def _resume(self, last: Checkpoint) -> None:
        try:
            self.trainer.restore(last.step, last.state, last.values)
        except (LookupError, RuntimeError, ValueError) as error:
            raise ResumeError(
                "its checkpoints hold a builder of another shape: another version made them",
                where=str(self.booted.folder),
                fix=f"delete {self.booted.folder} to start anew",
            ) from error
        self.best, self.best_step = last.values["best"], last.values["best_step"]
        self.before = last.values["seconds"]
        if self.best >= 0:
            self.keeper.best(self.booted.made_from, self.best_step, last.step)
        self.progress.say(f"goes on after step {last.step}")
        if (threads := last.values.get("threads")) not in (None, torch.get_num_threads()):
            now = torch.get_num_threads()
            self.progress.say(f"with {now} threads, {threads} before: losses may differ a little")

    def go(self) -> Offline:
        """All steps that are left; the best builder's weights are in the builder afterwards."""
        measure, steps = self.config.measure, self.config.optimiser.steps
        if self.config.run.warm_start and self.trainer.step == 0 < steps:
            self._save(self._measure())  # what it begins with may stay the best
        while self.trainer.step < steps:
            taken = self.trainer.advance()
            self.scribe.trained(taken, self.trainer.duals)
            last = taken.step == steps
            if taken.step % measure.log == 0 or last:
                self._log(taken)
            dev = taken.step % measure.dev == 0 or last
            better = self._measure() if dev else False
            if dev or taken.step % measure.checkpoint == 0:
                self._save(better)
        if self.best >= 0:
            best = self.keeper.best(self.booted.made_from, self.best_step)
            self.trainer.learner.module.load_state_dict(best.state["module"])
        state = self.trainer.duals
        return Offline(self.trainer.step, self.seconds, self.best_step, self.best, state)

    @property
    def seconds(self) -> float:
        """Spent so far, in all processes of the run."""
        return self.before + self.log.seconds

    def _log(self, taken: Taken) -> None:
        self.log.row(taken.step, taken.row(self.trainer.duals))
        task = taken.losses["task"]
        self.progress.at(taken.step, f"task {task:.3f} best {self.best:.3f}@{self.best_step}")

    def _measure(self) -> bool:
        """Measure some dev tasks; whether it is the best so far."""
        some = spread(self.booted.corpus.dev, self.config.measure.items)
        if not some:
            self.best, self.best_step = 0.0, self.trainer.step
            return True
        scores = Evaluator(self.booted.compiled).score(some, planner(self.booted))
        found = table(scores)
        builder, duals = self.booted.builder, self.trainer.duals
        self.scribe.measured(self.trainer.step, scores, builder, duals)
        self.log.row(self.trainer.step, {"dev": found})
        value = sum(s.right for s in scores) / len(scores)
        right = ", ".join(f"{name} {row['right'][0]:.2f}" for name, row in found.items())
        self.progress.say(f"dev at step {self.trainer.step}: {right}")
        better = value >= self.best
        if better:
            self.best, self.best_step = value, self.trainer.step
        return better

    def _save(self, better: bool) -> None:
        tensors, values = self.trainer.state()
        kept = {
            **values,
            "log": self.log.sync(),
            "best": self.best,
            "best_step": self.best_step,
            "seconds": self.seconds,
            "threads": torch.get_num_threads(),
        }
        saved = Checkpoint(self.trainer.step, self.booted.made_from, tensors, kept)
        self.keeper.save(saved, best=better)


def planner(booted: Booted, alpha: float = 1.0) -> Planner:
    """The builder beside its base; the base alone at alpha 0."""
    base = ModelPlanner(booted.base, booted.compiled)
    return (
        BuilderPlanner(booted.builder, base, alpha, booted.config.measure.beam) if alpha else base
    )


def duals_of(held: Mapping[str, Any]) -> Duals:
    """The multipliers of a configuration's constraints, at rest."""
    rows = (
        Constraint(name, row.limit, row.eta, row.lambda_max) for name, row in sorted(held.items())
    )
    return multipliers.duals(*rows, warmup=Warmup())
