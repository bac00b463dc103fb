"""Two rails of api_json on the same fresh dev tasks: is the new one better than the old one?

A task is won where the new rail's likeliest plan is the reference plan, free texts aside, and the
old one's is not. Neither has learnt from the tasks. Bar: McNemar's exact test, one-sided, over all
families (p < .05). Not covered: a seed on whose tasks a choice was made before; take a new one.

usage: python benchmarks/rail_pair.py OLD NEW [--n 60] [--seed 81]      folders of rails; n a family
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from interval import interval
from lab import Lab
from ranking import LEFT_OUT, tasks
from report import emit, say, skip
from workload import EMBEDDED, FAMILIES, Ground, ground

from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.rail_folder import load_rail, read_record
from bb_nn.errors import RailError
from bb_nn.fetch import fetched
from bb_train.example import Example
from bb_train.statistics import discordant, mcnemar

LEVEL = 0.05


def row(old: Sequence[bool], new: Sequence[bool]) -> dict[str, Any]:
    """A family's figures."""
    won, lost = discordant(new, old)
    return {
        "old": round(sum(old) / len(old), 3),
        **interval("new", new),
        "won": won,
        "lost": lost,
        "p": float(f"{mcnemar(won, lost, 'greater'):.2g}"),
        "n": len(new),
    }


def compared(
    here: Ground, rails: Sequence[PlanBuilder], n: int, seed: int
) -> dict[str, dict[str, Any]]:
    """A row for each family, and all; named with the seed, so that others stand beside it."""
    rows = dict[str, dict[str, Any]]()
    every: list[list[bool]] = [[] for _ in rails]
    for family in FAMILIES:
        examples = tasks(here, family, n, seed)
        found = [right(here, rail, examples) for rail in rails]
        every = [[*seen, *new] for seen, new in zip(every, found, strict=True)]
        rows[f"{family}, seed {seed}"] = row(*found)
        say(f"{family}: {row(*found)}")
    return {**rows, f"all, seed {seed}": row(*every)}


def right(here: Ground, rail: PlanBuilder, examples: Sequence[Example]) -> list[bool]:
    """Whether each example's likeliest plan is its reference plan."""
    lab = Lab(replace(here, layers=rail.config.layers), rail, {})
    lab.tap(examples)
    return lab.right(rail, examples)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("old", type=Path)
    options.add_argument("new", type=Path)
    options.add_argument("--n", type=int, default=60)
    options.add_argument("--seed", type=int, default=81)
    asked = options.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("rail_pair", f"{EMBEDDED} is not here; run: bb models fetch {EMBEDDED}")
    torch.set_num_threads(1)
    here = ground("api_json", EMBEDDED)
    folders = (asked.old, asked.new)
    try:
        rails = [load_rail(folder, here.base, here.domain) for folder in folders]
    except RailError as error:
        options.error(str(error))
    weights = [read_record(folder)["weights"] for folder in folders]
    rows = compared(here, rails, asked.n, asked.seed)
    return emit(
        "rail_pair",
        rows[f"all, seed {asked.seed}"]["p"] < LEVEL,
        versions=("torch", "transformers"),
        claim="A new rail for api_json against the one before, on fresh dev tasks",
        bar=f"more tasks won than lost over all families (McNemar, one-sided, p < {LEVEL})",
        how=[LEFT_OUT],
        seed=asked.seed,
        recipe=f"{asked.n} fresh dev tasks of each family; weights "
        + " and ".join(one[:19] for one in weights),
        weights=dict(zip(("old", "new"), weights, strict=True)),
        families=rows,
    )


if __name__ == "__main__":
    sys.exit(main())
