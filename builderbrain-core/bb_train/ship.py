"""The end of a run: measure what is to be shipped, and write the rail folder.

What is measured is the rail as it was written and read back, so the figures are those of the very
bytes that are shipped. Alpha is what the paired test against the base alone allows.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bb_core.cache import write_whole
from bb_nn.builder.rail_folder import RECORD, load_rail, save_rail
from bb_runtime.planner import ModelPlanner
from bb_train.alpha_lift import Gate, lifted
from bb_train.boot import Booted
from bb_train.card import card
from bb_train.evaluate import Evaluator, Score, table
from bb_train.offline import Offline, measured, spread
from bb_train.rank import fit_ranker
from bb_train.scribe import Scribe
from bb_train.training_log import FILE, TrainingLog

RAIL = "rail"
CARD = "card.md"

Tell = Callable[[str], None]


def ship(booted: Booted, trained: Offline, tell: Tell, scribe: Scribe) -> Path:
    """Write the rail folder of a finished training: weights, record, log, card."""
    folder = booted.folder / RAIL
    ranked = rank(booted, tell)
    save_rail(folder, booted.builder, booted.base)
    booted = replace(booted, builder=load_rail(folder, booted.base, booted.compiled))
    tell(f"measuring {len(booted.corpus.dev)} dev tasks")
    scores = measured(booted, booted.corpus.dev)
    alpha, lifts = lift(booted, scores, tell)
    figures = {"dev": table(scores)} if scores else {}
    more = {
        "alpha": alpha,
        "lifts": lifts,
        "metrics": figures,
        "trained": told(booted, trained) | ranked,
        "made_from": dict(booted.made_from),
        "notes": [],
    }
    record = save_rail(folder, booted.builder, booted.base, more)
    scribe.measured(trained.steps, scores, booted.builder, trained.duals)
    scribe.shipped((folder / RECORD).read_bytes(), {"alpha": alpha}, trained.duals)
    log = TrainingLog(booted.folder, (booted.folder / FILE).stat().st_size)
    log.row(trained.steps, {"shipped": figures, "alpha": alpha, "lifts": lifts})
    log.close()
    shutil.copyfile(booted.folder / FILE, folder / FILE)
    write_whole(folder / CARD, card(record).encode())
    return folder


def rank(booted: Booted, tell: Tell) -> dict[str, Any]:
    """Fit the ranker of the builder, if it has one, and say what came of it."""
    ranker = booted.builder.ranker
    if ranker is None:
        return {}
    found = fit_ranker(booted.builder, ranker, booted.corpus.rank, booted.cache.get, tell)
    tell(f"ranker: first of {found.examples} were right {found.before}, are {found.after}")
    return {"ranker": found.to_json()}


def told(booted: Booted, trained: Offline) -> dict[str, Any]:
    """What the record says of the training."""
    return {
        "steps": trained.steps,
        "best_step": trained.best_step,
        "seconds": round(trained.seconds),
        "seed": booted.config.run.seed,
        "examples": len(booted.corpus.train) - len(booted.lessons.left_out),
        "data": booted.corpus.digest,
        "config": booted.config.to_json(),
    }


def lift(booted: Booted, built: Sequence[Score], tell: Tell) -> tuple[float, list[dict[str, Any]]]:
    """The alpha the paired test allows, from `measure.lift` dev tasks, and its judgements.

    The base alone decodes those tasks first, at seconds each. With no task to judge by, alpha
    stays where it starts.
    """
    measure = booted.config.measure
    some = spread(booted.corpus.dev, measure.lift)
    if not some:
        return measure.alpha, []
    tell(f"the base alone plans {len(some)} dev tasks, to judge alpha by")
    base = Evaluator(booted.compiled).score(some, ModelPlanner(booted.base, booted.compiled))
    alone = {score.id: score for score in built}

    def at(alpha: float) -> list[Score]:
        known = alpha == 1.0
        return [alone[one.id] for one in some] if known else measured(booted, some, alpha)

    alpha, judged = lifted(measure.alpha, base, at, Gate(margin=measure.margin))
    for one in judged:
        tell(f"alpha {one.tried:g}: {'passed' if one.passed else 'refused'}, p {one.p_win:.2g}")
    return alpha, [one.to_json() for one in judged]
