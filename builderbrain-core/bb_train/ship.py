"""The end of a run: measure what is to be shipped, and write the rail folder.

What is measured is the rail as it was written and read back, so the figures are those of the very
bytes that are shipped. Until all of it is judged it lies beside, in `rail.partial`, and a rail that
was there before stays. Alpha is what the paired test against the base alone allows. What was found
out is kept, task by task, so that an end that is stopped goes on where it was.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bb_core.cache import write_whole
from bb_core.canonical import Json
from bb_nn.builder.rail_facts import base_json
from bb_nn.builder.rail_folder import RECORD, load_rail, save_rail
from bb_runtime.rounds import Planner
from bb_train.alpha_lift import lifted
from bb_train.boot import Booted
from bb_train.card import card
from bb_train.evaluate import Evaluator, Score, table
from bb_train.example import Example, digest_of
from bb_train.kept import Kept
from bb_train.lift_tasks import gate_of, lift_tasks
from bb_train.offline import Offline, planner
from bb_train.rank import fit_ranker
from bb_train.scribe import Scribe, weights_digest
from bb_train.storing import stored
from bb_train.training_log import FILE, TrainingLog, thinned

RAIL, PARTIAL, REPLACED = "rail", "rail.partial", "rail.replaced"
CARD = "card.md"
SHOWN_EVERY = 25
_AGAIN = "free some space and start again: what was measured is kept"
ROWS = 50
"""So many steps of the log lie beside the weights; the run's folder keeps all that were logged."""

Tell = Callable[[str], None]


def ship(booted: Booted, trained: Offline, tell: Tell, scribe: Scribe) -> Path:
    """Write the rail folder of a finished training: weights, record, log, card.

    Raises StorageError where the disk does not take it; what was found out by then is kept.
    """
    folder, kept = booted.folder / PARTIAL, Kept(booted.folder)
    ranked = rank(booted, kept, tell)
    with stored(folder, _AGAIN):
        _remove(folder)
        record = save_rail(folder, booted.builder, booted.base)
    booted = replace(booted, builder=load_rail(folder, booted.base, booted.compiled))
    judge = Judge(booted, record["weights"], kept, tell)
    tell(f"measuring {len(booted.corpus.dev)} dev tasks")
    scores = judge.scores(booted.corpus.dev, 1.0)
    alpha, lifts = lift(judge)
    figures = {"dev": table(scores)} if scores else {}
    more = {
        "base": base_json(booted.base),
        "alpha": alpha,
        "lifts": lifts,
        "metrics": figures,
        "trained": told(booted, trained) | ranked,
        "made_from": dict(booted.made_from),
        "notes": [],
    }
    scribe.measured(trained.steps, scores, booted.builder, trained.duals)
    with stored(folder, _AGAIN):
        record = save_rail(folder, booted.builder, booted.base, more)
    scribe.shipped((folder / RECORD).read_bytes(), {"alpha": alpha}, trained.duals)
    log = TrainingLog(booted.folder, (booted.folder / FILE).stat().st_size, trained.steps)
    log.row(trained.steps, {"shipped": figures, "alpha": alpha, "lifts": lifts})
    log.close()
    with stored(folder, _AGAIN):
        write_whole(folder / FILE, thinned((booted.folder / FILE).read_bytes(), ROWS))
        write_whole(folder / CARD, card(record).encode())
        put_in_place(folder, booted.folder / RAIL)
    return booted.folder / RAIL


def put_in_place(made: Path, folder: Path) -> None:
    """Rename a whole folder to where another may be. What was there is aside until it is done.

    Nobody finds half of either; killed in between, neither is there, and the next end sets it.
    """
    aside = folder.with_name(REPLACED)
    if os.path.lexists(folder):
        _remove(aside)
        os.rename(folder, aside)
    os.rename(made, folder)
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def rank(booted: Booted, kept: Kept, tell: Tell) -> dict[str, Any]:
    """Fit the ranker of the builder, if it has one, and say what came of it."""
    ranker, examples = booted.builder.ranker, booted.corpus.rank
    if ranker is None:
        return {}

    def fit() -> dict[str, Json]:
        found = fit_ranker(booted.builder, ranker, examples, booted.cache.get, tell)
        return {"weights": ranker.weights.tolist(), "told": found.to_json()}

    network = weights_digest(booted.builder.network)
    fitted = kept.once({"ranker of": network, "examples": digest_of(examples)}, fit)
    ranker.weights.copy_(torch.tensor(fitted["weights"]))
    found = fitted["told"]
    first = f"first of {found['examples']} were right {found['before']}, are {found['after']}"
    tell(f"ranker: {first}")
    return {"ranker": found}


@dataclass(frozen=True)
class Judge:
    """Measures a run's planners; what it has measured of these `weights` before, it knows."""

    booted: Booted
    weights: str
    kept: Kept
    tell: Tell

    def scores(self, examples: Sequence[Example], alpha: float) -> list[Score]:
        """A score for each example: the builder at this alpha, or at 0 the base alone."""
        plan, evaluator = planner(self.booted, alpha), Evaluator(self.booted.compiled)
        who, found = self._planner(alpha), list[Score]()
        for number, one in enumerate(examples, 1):
            of: dict[str, Json] = {"planner": who, "example": digest_of([one])}
            score = self.kept.once(of, partial(_score, evaluator, plan, one))
            found.append(Score.from_json(score))
            if number % SHOWN_EVERY == 0 or number == len(examples):
                self.tell(f"measured {number} of {len(examples)} at alpha {alpha:g}")
        return found

    def _planner(self, alpha: float) -> dict[str, Json]:
        """All that its plans depend on."""
        made = self.booted.made_from
        base: dict[str, Json] = {name: made[name] for name in ("base", "domain", "torch")}
        if not alpha:
            return base
        return {**base, "rail": self.weights, "alpha": alpha, "config": made["config"]}


def _score(evaluator: Evaluator, plan: Planner, example: Example) -> dict[str, Any]:
    return evaluator.score([example], plan)[0].to_json()


def told(booted: Booted, trained: Offline) -> dict[str, Any]:
    """What the record says of the training."""
    return {
        "steps": trained.steps,
        "best_step": trained.best_step,
        "seconds": round(trained.seconds),
        "seed": booted.config.run.seed,
        "examples": len(booted.corpus.train) - len(booted.lessons.left_out),
        "data": booted.corpus.digest,
        "unshown": list(booted.unshown),
        "config": booted.config.to_json(),
    }


def lift(judge: Judge) -> tuple[float, list[dict[str, Any]]]:
    """The alpha the paired test allows, from `measure.lift` dev tasks, and its judgements.

    The base alone decodes those tasks first, at seconds each. With no task to judge by, alpha
    stays where it starts.
    """
    measure = judge.booted.config.measure
    some = lift_tasks(judge.booted.corpus.dev, measure)
    if not some:
        return measure.alpha, []
    judge.tell(f"the base alone plans {len(some)} dev tasks, to judge alpha by")
    base, gate = judge.scores(some, 0.0), gate_of(measure)
    alpha, judged = lifted(measure.alpha, base, lambda tried: judge.scores(some, tried), gate)
    for one in judged:
        judge.tell(
            f"alpha {one.tried:g}: {'passed' if one.passed else 'refused'}, p {one.p_win:.2g}"
        )
    return alpha, [one.to_json() for one in judged]
