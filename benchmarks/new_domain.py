"""Is the rail of one domain a warm start for another? The shipped rail of api_json, and the others.

For each domain, builders of the shipped rail's shape are trained on that domain's examples for a
few and for more steps, beginning with the shipped rail (warm) or with random weights (cold).

usage: python benchmarks/new_domain.py [--seed N] [--domains A,B] [--train N] [--items N]
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from interval import interval
from lab import LEFT_OUT, Lab, drawn, points, train
from report import emit, say, skip
from workload import EMBEDDED, Ground, ground

from bb_core.registry import discover
from bb_core.shipped import shipped
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.rail_folder import read_record
from bb_nn.builder.warm_start import warm_start
from bb_nn.fetch import fetched
from bb_train.statistics import discordant, mcnemar

STEPS = (60, 200)
OTHERS = "social,robots,phone"
LEVEL = 0.05
HOW = (
    "No tool is in both domains: what goes over is what is of no tool.",
    "Warm and cold see the same examples, each in the same order.",
    LEFT_OUT,
    "Right is an exact plan, free texts aside, from the likeliest plan alone.",
)


def fresh(here: Ground, rail: Path, seed: int) -> PlanBuilder:
    """A builder of the rail's shape with random weights."""
    torch.manual_seed(seed)
    shape = BuilderConfig.from_json(read_record(rail)["config"])
    return PlanBuilder(replace(shape, ranked=False), here.space, here.described)


def hits(domain: str, rail: Path, options: argparse.Namespace) -> dict[str, list[bool]]:
    """Which tests each builder of a domain is right with."""
    here, seed, found = ground(domain, EMBEDDED), options.seed, dict[str, list[bool]]()
    taught = drawn(here, options.train, "train", seed, ())
    tests = drawn(here, options.items, "test", seed, ())
    lab = Lab(here, fresh(here, rail, seed), {})
    lab.tap([*taught, *tests])
    for steps in STEPS:
        for start in ("warm", "cold"):
            lab.builder = fresh(here, rail, seed)
            if start == "warm":
                warm_start(lab.builder, rail, here.base)
            train(lab, taught, steps, seed)
            name = f"{start}, {steps} steps"
            found[name] = lab.right(lab.builder, tests)
            say(f"{domain}, {name}: {interval('right', found[name])}")
    return found


def against(warm: Sequence[bool], cold: Sequence[bool]) -> dict[str, Any]:
    """The warm start beside the cold one; p: of its being no better, and of its being no worse."""
    won, lost = discordant(warm, cold)
    return {
        "points gained": points(cold, warm),
        "won": won,
        "lost": lost,
        "p better": mcnemar(won, lost, "greater"),
        "p worse": mcnemar(lost, won, "greater"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("seed", 0), ("train", 400), ("items", 100)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--domains", default=OTHERS)
    options = parser.parse_args()
    rail = shipped(discover().get("api_json"))
    if fetched(EMBEDDED) is None or rail is None:
        return skip("new_domain", f"{EMBEDDED} is not here; run: bb models fetch {EMBEDDED}")
    found = {domain: hits(domain, rail, options) for domain in options.domains.split(",")}
    paired = {
        f"{domain}, {steps} steps, seed {options.seed}": against(
            own[f"warm, {steps} steps"], own[f"cold, {steps} steps"]
        )
        for domain, own in found.items()
        for steps in STEPS
    }
    return emit(
        "new_domain",
        all(row["p better"] < LEVEL for row in paired.values()),
        seed=options.seed,
        versions=("torch", "transformers"),
        claim="The shipped rail is a warm start for other domains too",
        bar="it is right more often than a cold start in every domain, after "
        f"{' and '.join(map(str, STEPS))} steps (McNemar, p < {LEVEL})",
        how=HOW,
        recipe=f"{options.train} examples of the domain in batches of 8",
        weights=read_record(rail)["weights"],
        builders={
            f"{domain}, {name}, seed {options.seed}": interval("right", own)
            for domain, each in found.items()
            for name, own in each.items()
        },
        paired=paired,
    )


if __name__ == "__main__":
    sys.exit(main())
