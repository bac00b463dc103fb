"""An attempt at a better rail for api_json, or the shipped one: exact plans on the same dev tasks.

exact  the likeliest plan is the reference plan, free texts aside
cuts   the request is cut into its clauses: where that fails, the plan mostly does

A run's last checkpoint is measured, not its best, and in the tree it was trained in: the weights of
an attempt whose code was not kept fit no other. No bar: every attempt has its row, kept or not.

usage: python benchmarks/attempts.py RUN --what "…"      RUN: the folder of a `bb train`
       python benchmarks/attempts.py RUN --shipped       the shipped rail, on that run's dev tasks
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from interval import interval
from lab import Lab
from report import emit, say, skip
from workload import EMBEDDED, Ground, ground

from bb_core.shipped import shipped
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.question import Tokens
from bb_nn.builder.rail_folder import load_rail, read_record
from bb_nn.fetch import fetched
from bb_nn.tapped import Tapped
from bb_train.checkpoint import Checkpoints
from bb_train.example import Example, read_examples


def last(run: Path, here: Ground) -> tuple[PlanBuilder, dict[str, Any]]:
    """The builder of a run's last checkpoint, and what the run is."""
    told = json.loads((run / "manifest.json").read_bytes())
    found = Checkpoints(run / "checkpoints").last(told["made_from"])
    if found is None:
        raise SystemExit(f"{run}: no checkpoint; give the folder of a `bb train`")
    width = here.base.model.config.hidden_size
    ranked = told["config"]["data"].get("rank", 0) > 0
    shape = {"layers": told["layers"], "base_width": width, "ranked": ranked}
    shape |= told["config"]["builder"]
    builder = PlanBuilder.of(BuilderConfig.from_json(shape), here.space, here.base)
    weights = found.state["module"].items()
    own = {k.removeprefix("builder."): v for k, v in weights if k.startswith("builder.")}
    builder.load_state_dict(own)
    return builder.eval(), {
        "steps": found.step,
        "examples": told["examples"]["train"],
        "parameters": told["parameters"],
        "seed": told["config"]["run"]["seed"],
    }


def of_shipped(here: Ground) -> tuple[PlanBuilder, dict[str, Any]]:
    """The rail that api_json ships with."""
    folder = shipped(here.domain.source)
    if folder is None:
        raise SystemExit("api_json ships no rail")
    builder = load_rail(folder, here.base, here.domain).eval()
    count = sum(p.numel() for p in builder.parameters())
    return builder, {"weights": read_record(folder)["weights"], "parameters": count}


def cut(builder: PlanBuilder, example: Example, tapped: Tapped) -> bool:
    """Whether the request is cut at the tokens in which its clauses start."""
    tokens = Tokens(tapped.offsets)
    own, right = (
        {tokens.at(char) for char in starts}
        for starts in (builder.starts(tapped, example.scene), sorted(example.clauses)[1:])
    )
    return own | {0} == right | {0}


def families(
    here: Ground, builder: PlanBuilder, examples: Sequence[Example]
) -> dict[str, dict[str, Any]]:
    """A row for each family, and all."""
    lab = Lab(replace(here, layers=builder.config.layers), builder, {})
    lab.tap(examples)
    rows = [
        (e.family, right, cut(builder, e, lab.states[e.scene.text]))
        for e, right in zip(examples, lab.right(builder, examples), strict=True)
    ]
    found = {}
    for name in [*dict.fromkeys(e.family for e in examples), "all"]:
        own = [row for row in rows if name in (row[0], "all")]
        found[name] = {
            **interval("exact", [row[1] for row in own]),
            "cuts": round(sum(row[2] for row in own) / len(own), 3),
            "n": len(own),
        }
        say(f"{name}: {found[name]}")
    return found


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("run", type=Path)
    one = asked.add_mutually_exclusive_group(required=True)
    one.add_argument("--what", default="")
    one.add_argument("--shipped", action="store_true")
    wanted = asked.parse_args()
    paths = sorted((wanted.run / "examples").glob("dev*.jsonl"))
    if not paths:
        asked.error(f"{wanted.run} holds no examples/dev*.jsonl; give the folder of a `bb train`")
    if fetched(EMBEDDED) is None:
        return skip("attempts", f"{EMBEDDED} is not here: bb models fetch {EMBEDDED}")
    torch.set_num_threads(1)
    here = ground("api_json", EMBEDDED)
    builder, told = of_shipped(here) if wanted.shipped else last(wanted.run, here)
    examples = [example for path in paths for example in read_examples(path)]
    return emit(
        "attempts",
        True,
        versions=("torch", "transformers"),
        claim="Attempts at a better rail for api_json, exact plans on dev",
        recipe=f"the shipped rail; weights {told['weights'][:19]}"
        if wanted.shipped
        else wanted.what,
        **told,
        families=families(here, builder, examples),
    )


if __name__ == "__main__":
    sys.exit(main())
