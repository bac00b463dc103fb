"""Do composite skills shorten plans, and at what loss? Mined from traces, learnt in three ways.

as it is   what the base makes of its tools' names and sentences; nothing is learnt
fitted     its vector and adapter alone, the trunk frozen, as online
relearnt   the whole builder goes on training with the composites in its space; `more` is the same
           builder after as many more steps without them

right: exact plans of dev tasks, free texts aside, from the likeliest plan alone. decisions: how
many all plans took, right or wrong. A way is judged against a builder without composites, `plain`
for the first two and `more` for the last; `both_right` are the decisions of either, before and with
composites, for the tasks that both plan exactly.

usage: python benchmarks/composites.py [--seed N] [--train N] [--steps N] [--items N]
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import torch
from lab import LEFT_OUT, Lab, advance, changed, drawn, fit, train
from report import emit, say, skip
from workload import EMBEDDED, ground

from bb_core.actions import Space
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.fetch import fetched
from bb_train.config import Optimiser
from bb_train.example import Example
from bb_train.skills.accept import judged
from bb_train.skills.compose import Composed, compose
from bb_train.skills.fit_composite import widened

ROWS, MARGIN = 32, 0.05
HOW = (
    "Learning the composites alone (`fitted`), for a quarter of the steps, is what was asked of "
    "them first, in `skills.py`; it fails: the whole builder has to learn with them.",
    "A way is accepted if a paired test rules out, at .05, that it is worse by five points.",
    "Composites are mined by code length from 300 of the training traces, three at most.",
    LEFT_OUT,
)
Row = dict[str, Any]
Plan = tuple[bool, int]
"""Whether it is right, and how many decisions it took."""


def main() -> int:
    """Train, mine, learn the composites, judge them; print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("seed", 0), ("train", 700), ("steps", 700), ("items", 300)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("composites", f"{EMBEDDED} is not here; run: bb models fetch {EMBEDDED}")
    torch.set_num_threads(1)
    here = ground("api_json", EMBEDDED)
    torch.manual_seed(asked.seed)
    shape = BuilderConfig(here.layers, here.base.model.config.hidden_size, skills=ROWS)
    lab = Lab(here, PlanBuilder(shape, here.space, here.described), {})
    taught = drawn(here, asked.train, "train", asked.seed, ())
    test = drawn(here, asked.items, "dev", asked.seed, ())
    lab.tap([*taught, *test])
    train(lab, taught, asked.steps, asked.seed)
    mined = compose(here.space, [(e.scene, e.plan, e.clauses) for e in taught[:300]], 3, tries=5)
    rows = ways(lab, mined, taught, test, asked)
    best = rows["relearnt"]
    return emit(
        "composites",
        best["accepted"] and best["both_right"][1] < best["both_right"][0],
        seed=asked.seed,
        versions=("torch", "transformers"),
        claim="Learnt composite skills shorten plans, at a loss below five points",
        bar="relearnt with composites: fewer decisions where both are right, and not worse by 5 "
        "points (paired, p < .05)",
        how=HOW,
        recipe=f"{asked.train} examples of api_json, {asked.steps} steps of 8 and as many again, "
        f"{asked.items} dev tasks",
        mined=named(table(mined), asked.seed),
        ways=named(rows, asked.seed),
    )


def ways(
    lab: Lab, mined: Composed, taught: Sequence[Example], test: Sequence[Example], asked: Any
) -> dict[str, Row]:
    """Each way to learn the composites, beside the builders without them."""
    plain, rows = lab.builder, dict[str, Row]()
    space = plain.space
    wider = widened(plain, Space.of(space.compiled, mined.skills, space.constants), lab.here.base)
    places = [place for place, skill in enumerate(wider.space.skills) if skill.composite]
    before, rows["plain"] = measured(lab, plain, test)
    after, rows["as it is"] = measured(lab, wider, test)
    rows["as it is"] |= verdict(after, before)
    fitted = changed(wider, {})
    fit(lab, fitted, places, taught, asked.steps // 4)
    after, rows["fitted"] = measured(lab, fitted, test)
    rows["fitted"] |= verdict(after, before)
    before, rows["more"] = measured(lab, relearnt(lab, changed(plain, {}), taught, asked), test)
    after, rows["relearnt"] = measured(lab, relearnt(lab, wider, taught, asked), test)
    rows["relearnt"] |= verdict(after, before)
    return rows


def relearnt(lab: Lab, builder: PlanBuilder, taught: Sequence[Example], asked: Any) -> PlanBuilder:
    """The builder after as many steps again, all of it trained."""
    own = replace(lab, builder=builder)
    recipe = Optimiser(asked.steps, warmup=30)
    advance(own.learner(own.lessons(builder, taught)), recipe, asked.seed + 1)
    return builder


def measured(lab: Lab, builder: PlanBuilder, test: Sequence[Example]) -> tuple[list[Plan], Row]:
    """Whether each plan is right with the decisions it took, and the row of a builder."""
    hits = lab.right(builder, test)
    taken = [len(lab.decided(builder, example)) for example in test]
    row: Row = {"right": round(fmean(hits), 3), "decisions": sum(taken)}
    say(f"{row}")
    return list(zip(hits, taken, strict=True)), row


def verdict(after: Sequence[Plan], before: Sequence[Plan]) -> Row:
    """A paired test of the plans with and without composites."""
    found = judged([hit for hit, _ in after], [hit for hit, _ in before], margin=MARGIN)
    both = [(was, now) for (a, now), (b, was) in zip(after, before, strict=True) if a and b]
    return {
        "gained": found.gained,
        "lost": found.lost,
        "p_worse_by_5": round(found.p, 4),
        "accepted": found.accepted,
        "both_right": [sum(was for was, _ in both), sum(now for _, now in both)],
    }


def named(rows: dict[str, Row], seed: int) -> dict[str, Row]:
    """The rows of one seed."""
    return {f"{name}, seed {seed}": row for name, row in rows.items()}


def table(mined: Composed) -> dict[str, Row]:
    """What each composite saves in the traces."""
    names = ["none", *(f"and {skill.name}" for skill in mined.skills)]
    return {
        name: {"trace decisions": taken, "nats": round(length.total)}
        for name, taken, length in zip(names, mined.decisions, mined.lengths, strict=True)
    }


if __name__ == "__main__":
    sys.exit(main())
