"""What is a rail of the version before worth, once a domain has new tools?

A builder is trained on api_json without four of its tools, and written as a rail. Then they are on
offer, and others are trained on examples of all tools, beginning with that rail (warm) or with
random weights (cold). `warm, 0 steps` learns nothing.

usage: python benchmarks/warm_start.py [--seed N] [--train N] [--steps N] [--few N] [--items N]
"""

import argparse
import sys
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory

from interval import intervals
from lab import LEFT_OUT, SHORT, Lab, drawn, fresh, points, train, uses
from new_tools import NEW
from report import emit, say, skip
from workload import EMBEDDED, STRANGERS, Ground, ground

from bb_core.space import Space
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.rail_folder import save_rail
from bb_nn.builder.warm_start import warm_start
from bb_nn.fetch import fetched
from bb_train.example import Example
from bb_train.statistics import discordant, mcnemar

LOSS = 2.0
"""So many points fewer still are no loss."""
HOW = (
    f"New tools: {', '.join(NEW)}. `new` asks for one of them or more, `old` for none.",
    "The version before has no new tool on offer; its rail is written to a folder and begun with "
    "as `[run] warm_start` does. `warm, 0 steps` tells new tools as strangers.",
    LEFT_OUT,
    "Right is an exact plan, free texts aside, from the likeliest plan alone.",
    "Warm and cold see the same examples, each in the same order. What the version before took is "
    "in no `steps` of theirs.",
)
Hits = dict[str, list[bool]]


def asked(here: Ground, count: int, seed: int) -> dict[str, list[Example]]:
    """Test tasks with a new tool, and without."""

    def some(wanted: bool) -> list[Example]:
        def fits(one: Example) -> bool:
            short = len(one.scene.text) <= SHORT
            return short and uses(one).isdisjoint(NEW) is not wanted

        return here.drawn(count, "test", "indist", seed, fits)

    return {"new": some(True), "old": some(False)}


def learnt(
    lab: Lab, rail: Path | None, taught: Sequence[Example], steps: int, seed: int
) -> PlanBuilder:
    """A builder of all tools after so many steps, begun with a rail or with nothing."""
    own = Lab(lab.here, fresh(lab.here, lab.here.space, seed), lab.states)
    if rail is not None:
        warm_start(own.builder, rail, lab.here.base)
    if steps:
        train(own, taught, steps, seed)
    else:
        own.builder.estrange(NEW)
    return own.builder


def hits(lab: Lab, builder: PlanBuilder, tasks: dict[str, list[Example]]) -> Hits:
    """Which of each kind are right."""
    return {kind: lab.right(builder, some) for kind, some in tasks.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    named = (("seed", 0), ("train", 700), ("steps", 700), ("few", 200), ("items", 100))
    for name, value in named:
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("warm_start", f"{EMBEDDED} is not here; run: bb models fetch {EMBEDDED}")
    here, seed = ground("api_json", EMBEDDED), options.seed
    before = fresh(here, reduce(Space.without, NEW, here.space), seed)
    lab = Lab(here, before, {})
    known = drawn(here, options.train, "train", seed, NEW)
    taught = drawn(here, options.train, "train", seed + 1, ())
    tasks = asked(here, options.items, seed)
    for some in (known, taught, *tasks.values()):
        lab.tap(some)
    train(lab, known, options.steps, seed)
    found: dict[str, Hits] = {}
    with TemporaryDirectory() as folder:
        save_rail(Path(folder), before, here.base)
        for name, rail, steps in (
            ("warm, 0 steps", Path(folder), 0),
            (f"warm, {options.few // 2} steps", Path(folder), options.few // 2),
            (f"warm, {options.few} steps", Path(folder), options.few),
            (f"cold, {options.few} steps", None, options.few),
            (f"cold, {options.steps} steps", None, options.steps),
        ):
            found[name] = hits(lab, learnt(lab, rail, taught, steps, seed + 1), tasks)
            say(f"{name}: {intervals(found[name])}")
    return emit_all(options, found)


def emit_all(options: argparse.Namespace, found: dict[str, Hits]) -> int:
    """The line: what each builder came to, and the warm one against the cold."""
    warm, short, long = (
        [hit for own in found[f"{name} steps"].values() for hit in own]
        for name in (f"warm, {options.few}", f"cold, {options.few}", f"cold, {options.steps}")
    )
    won, lost = discordant(warm, short)
    p, gap = mcnemar(won, lost, "greater"), points(long, warm)
    return emit(
        "warm_start",
        p < 0.05 and gap >= -LOSS,
        seed=options.seed,
        versions=("torch", "transformers"),
        claim="A rail of the version before is a warm start for a version with new tools",
        bar=f"begun with it, {options.few} steps are right more often than {options.few} of a cold "
        f"start (McNemar, p < .05), and by at most {LOSS:g} points less often than {options.steps}",
        how=HOW,
        recipe=f"{options.train} examples of api_json in batches of 8, the version before "
        f"{options.steps} steps; of the tools on offer {STRANGERS:.0%} are strangers",
        builders={f"{name}, seed {options.seed}": intervals(own) for name, own in found.items()},
        paired={
            f"warm, {options.few} steps, seed {options.seed}": {
                "points over as short a cold start": points(short, warm),
                "won": won,
                "lost": lost,
                "p": p,
                "points over a whole one": gap,
            }
        },
    )


if __name__ == "__main__":
    sys.exit(main())
