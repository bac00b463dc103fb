"""Which plan comes first: by its own probability, or by what a ranker makes of all candidates.

The shipped rail of api_json, on generated dev tasks that neither it nor its ranker has learnt from.
`alone` is the same weights without the ranker: the segmenter's own cuts, the likeliest plan.

usage: python benchmarks/ranking.py [--n 60] [--seed 11]      n tasks a family
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp
from time import process_time
from typing import Any

import torch
from interval import interval
from lab import Lab
from report import emit, say, skip
from served import rail, site
from workload import EMBEDDED, FAMILIES, Ground, ground

from bb_core.calibration import calibration
from bb_core.shipped import shipped
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.rail_folder import read_record
from bb_nn.fetch import fetched
from bb_train.agreement import free_text
from bb_train.exact import exact
from bb_train.example import Example, Family
from bb_train.statistics import discordant, mcnemar

LONGEST = 1200
"""Characters of a text, what was seen before it included; a longer one is not drawn."""
LEFT_OUT = f"Tasks whose text has {LONGEST:,} characters or more are not drawn."
COST, ECE = 2.0, 0.05


@dataclass(frozen=True)
class Seen:
    """What one way of ranking made of one task."""

    right: bool
    among: bool
    sure: float
    seconds: float


def without(builder: PlanBuilder) -> PlanBuilder:
    """The same weights without the ranker."""
    made = PlanBuilder(replace(builder.config, ranked=False), builder.space, builder.described)
    kept = {k: t for k, t in builder.state_dict().items() if not k.startswith("ranker.")}
    made.load_state_dict(kept)
    return made.eval().requires_grad_(False)


def tried(lab: Lab, builder: PlanBuilder, example: Example) -> Seen:
    """Build four plans and look at the first, and at all."""
    states, masked = lab.states[example.scene.text], free_text(lab.here.domain)
    began = process_time()
    found = builder.build(states, example.scene, 4)
    seconds = process_time() - began
    hits = [exact(builder.space, example, built.decisions, masked) for built in found]
    sure = min(1.0, exp(found[0].log_prob)) if found else 0.0
    return Seen(bool(hits and hits[0]), any(hits), sure, seconds)


def tasks(here: Ground, family: Family, n: int, seed: int) -> list[Example]:
    """Dev tasks of a family whose texts are not too long."""
    return here.drawn(n, "dev", family, seed, short, execute=False)


def short(example: Example) -> bool:
    """Whether a task is no longer than is read here."""
    return len(example.scene.text) < LONGEST


def row(found: Sequence[Seen]) -> dict[str, Any]:
    """The figures of one way of ranking."""
    return {
        **interval("exact", [one.right for one in found]),
        "among four": round(sum(one.among for one in found) / len(found), 3),
        "n": len(found),
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--n", type=int, default=60)
    options.add_argument("--seed", type=int, default=11)
    asked = options.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("ranking", f"{EMBEDDED} is not here; run: bb models fetch {EMBEDDED}")
    torch.set_num_threads(1)
    at = site()
    builder = rail(at)
    if builder.ranker is None:
        raise SystemExit("the shipped rail has no ranker; train it with [data] rank")
    arms = {"alone": without(builder), "ranked": builder}
    lab = Lab(replace(at.here, layers=builder.config.layers), builder, {})
    seen: dict[str, list[list[Seen]]] = {name: [] for name in arms}
    for family in FAMILIES:
        examples = tasks(at.here, family, asked.n, asked.seed)
        lab.tap(examples)
        orders = [list(arms.items())[:: 1 if i % 2 else -1] for i in range(len(examples))]
        pairs = [
            {name: tried(lab, b, e) for name, b in order}
            for e, order in zip(examples, orders, strict=True)
        ]
        for name, rows in seen.items():
            rows.append([pair[name] for pair in pairs])
            say(f"{family}, {name}: {row(rows[-1])}")
    return told(asked, builder, seen)


def told(asked: argparse.Namespace, builder: PlanBuilder, seen: dict[str, list[list[Seen]]]) -> int:
    """The line, and whether the ranker is better at a bearable cost and means what it says."""
    whole = {name: [one for part in parts for one in part] for name, parts in seen.items()}
    ranked, alone = ([one.right for one in whole[name]] for name in ("ranked", "alone"))
    won, lost = discordant(ranked, alone)
    p = mcnemar(won, lost, "greater")
    pairs = zip(whole["ranked"], whole["alone"], strict=True)
    cost = statistics.median(a.seconds / b.seconds for a, b in pairs)
    sure = {
        name: calibration([one.sure for one in rows], [one.right for one in rows])
        for name, rows in whole.items()
    }
    folder = shipped(ground("api_json", EMBEDDED).domain.source)
    assert builder.ranker is not None and folder is not None
    record = read_record(folder)
    return emit(
        "ranking",
        p < 0.05 and cost <= COST and sure["ranked"].debiased <= ECE,
        seed=asked.seed,
        versions=("torch", "transformers"),
        claim="A fitted ranker puts the right plan first more often, and says how sure it is",
        bar=f"more exact plans over all families (McNemar, p < .05), at most {COST:g} times the "
        f"build time (median of interleaved pairs), ECE debiased at most {ECE:g}",
        how=[
            "Five weights, fitted on examples like those of the training, none of these families "
            "but `indist`; the traits were chosen on other dev tasks (seed 77).",
            "`sure`: how far the first plan's probability is from how often it is right.",
            LEFT_OUT,
        ],
        recipe=f"{asked.n} dev tasks of each family; rail {record['weights'][:19]}",
        weights=[round(w, 3) for w in builder.ranker.weights.tolist()],
        paired={"won": won, "lost": lost, "p": float(f"{p:.2g}")},
        build_time_ratio=round(cost, 2),
        sure={
            name: {"ece": round(s.ece, 3), "debiased": round(s.debiased, 3)}
            for name, s in sure.items()
        },
        families={
            f"{family}, {name}": row([*parts, whole[name]][place])
            for place, family in enumerate((*FAMILIES, "all"))
            for name, parts in seen.items()
        },
    )


if __name__ == "__main__":
    sys.exit(main())
