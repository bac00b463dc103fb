"""What the skins are worth: a builder that learnt from requests in skins, and one that did not.

Both see as many examples of api_json and take as many steps; then both plan the same dev tasks, in
plain clothes and in a skin each. usage: python benchmarks/skins.py [--seed 0] [--examples 1000]
    [--steps 1500] [--n 60]                                                    n tasks a family
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from builder_arm import trained
from interval import interval
from report import emit, say, skip
from workload import EMBEDDED, FAMILIES, Ground, ground

from bb_nn.fetch import fetched
from bb_train.example import Example, Family
from bb_train.skills.accept import judged
from bb_train.statistics import discordant, mcnemar

ARMS = {"without skins": 0.0, "with skins": 0.4}
CLOTHES = {"plain": 0.0, "in a skin": 1.0}
LEVEL, MARGIN = 0.05, 0.05
HOW = (
    "A figure is the share of exact plans, free texts aside, by greedy decoding. The tasks in "
    "skins are other tasks than the plain ones, not the same in other clothes.",
    "`with skins`: each clause wears one with 40 % chance, and so do the ends of each request, as "
    "where the shipped rail was trained; the examples are as many, so fewer are plain. A skin "
    "changes the words of a request, or its plan too; no task here must be refused.",
    "The same skins are worn in training and in these tasks: this says what seeing them is worth, "
    "not what a skin never seen would do.",
)

Tasks = Mapping[tuple[str, Family], list[Example]]
Hits = Mapping[tuple[str, Family], list[bool]]


@dataclass(frozen=True)
class Tried:
    """What one arm made of every task, and the seconds of one core that training took."""

    hits: Hits
    seconds: float


def tried(here: Ground, asked: argparse.Namespace, skins: float, tasks: Tasks) -> Tried:
    """Train on examples with so many skins, and plan every task."""
    examples = here.drawn(asked.examples, "train", "indist", asked.seed, skins=skins, execute=False)
    done = trained(here, "builder", examples, asked.steps, 8, asked.seed)
    lab, hits = done.lab, {}
    lab.builder.eval()
    for key, wanted in tasks.items():
        lab.tap(wanted)
        hits[key] = lab.right(lab.builder, wanted)
    return Tried(hits, done.seconds)


def clothed(hits: Hits, clothes: str) -> list[bool]:
    """Every family's hits in these clothes."""
    return [hit for (worn, _), found in hits.items() if worn == clothes for hit in found]


def row(one: Tried, clothes: str) -> dict[str, Any]:
    """A row of the table."""
    shares = {f: sum(one.hits[clothes, f]) / len(one.hits[clothes, f]) for f in FAMILIES}
    whole = interval("all", clothed(one.hits, clothes))
    return {f: round(x, 3) for f, x in shares.items()} | whole | {"seconds": round(one.seconds)}


def compared(found: Mapping[str, Tried], clothes: str) -> tuple[list[bool], list[bool]]:
    """What the arm with skins made of the tasks in these clothes, and what the other did."""
    on, off = (clothed(found[arm].hits, clothes) for arm in ("with skins", "without skins"))
    return on, off


def verdicts(found: Mapping[str, Tried]) -> tuple[bool, dict[str, str]]:
    """Whether skins help where they are worn and lose less than the margin on plain tasks."""
    won, lost = discordant(*compared(found, "in a skin"))
    better = mcnemar(won, lost, "greater")
    plain = judged(*compared(found, "plain"), margin=MARGIN, level=LEVEL)
    return better < LEVEL and plain.accepted, {
        "tasks plain": f"{plain.gained}:{plain.lost}, p {plain.p:.2g} (of a loss of 5 points)",
        "tasks in a skin": f"{won}:{lost}, p {better:.2g} (better)",
    }


def main() -> int:
    asked = _options()
    if fetched(EMBEDDED) is None:
        return skip("skins", f"{EMBEDDED} is not here; run: bb models fetch {EMBEDDED}")
    torch.set_num_threads(1)
    here = ground("api_json", EMBEDDED)
    tasks = {
        (clothes, family): here.drawn(
            asked.n, "dev", family, asked.seed, skins=skins, execute=False
        )
        for clothes, skins in CLOTHES.items()
        for family in FAMILIES
    }
    found = {}
    for arm, skins in ARMS.items():
        found[arm] = tried(here, asked, skins, tasks)
        say(f"{arm}: " + "; ".join(f"{c}: {row(found[arm], c)}" for c in CLOTHES))
    return told(asked, found)


def told(asked: argparse.Namespace, found: Mapping[str, Tried]) -> int:
    """The line, and whether it meets the bar."""
    passed, paired = verdicts(found)
    return emit(
        "skins",
        passed,
        seed=asked.seed,
        versions=("torch", "transformers"),
        claim="Skins: what it is worth to learn from requests in other clothes",
        bar="with skins more tasks in skins are right (McNemar, p < .05), and plain ones are not "
        "worse by 5 points (paired, p < .05), by every seed",
        recipe=f"{asked.examples} examples of api_json, {asked.steps} steps of 8",
        how=HOW,
        arms={
            f"{arm}, tasks {clothes}, seed {asked.seed}": row(one, clothes)
            for clothes in CLOTHES
            for arm, one in found.items()
        },
        paired={f"with against without, seed {asked.seed}": paired},
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("seed", 0), ("examples", 1000), ("steps", 1500), ("n", 60)):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
