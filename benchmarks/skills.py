"""Are skills real? What is lost without one, and what a new tool costs.

removed     a skill is barred and its adapter zeroed: what that costs the test items whose plan uses
            it (dependents) and the others; `placebo` does it to a skill and a row nobody uses
adapter     only the adapter rows are zeroed, or given to the wrong skills: the rest of the builder
            stays, so this says what the bank itself carries
shuffled_z  every skill has another one's vector and adapter
other_steps while it builds, it takes each earlier step for one of another tool
new_tools   tools that training never showed, see `new_tools.py`

Everything is exact plans, free texts aside, from the likeliest plan alone.

usage: python benchmarks/skills.py [--seed N] [--train N] [--steps N] [--items N]
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from statistics import fmean
from typing import Any

import new_tools
import torch
from lab import LEFT_OUT, ROWS, Lab, changed, drawn, fresh, points, train, uses
from new_tools import NEW
from report import emit, say, skip
from torch import Tensor
from workload import EMBEDDED, STRANGERS, ground

from bb_core.space import Space
from bb_nn.builder.batch import WORDS_AT, Steps
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.words import tool_text
from bb_nn.fetch import fetched
from bb_train.example import Example
from bb_train.statistics import discordant, mcnemar

WORKS = 0.5
HOW = (
    "A removed skill is barred and its adapter zeroed. Its dependents then cannot be right, by the "
    "plan language alone; what the row shows is that nobody else leans on it.",
    "The adapter rows say what the bank itself carries: skills keep their vectors, the adapters "
    "are zeroed or another skill's.",
    "`other_steps`: the vector of each earlier step says another skill's tool, with what it "
    "copied; which answers are allowed, and what is known of each edge, still comes from the plan. "
    "It is no part of the bar: tried first on the shipped rail, it cost one of 24 dev tasks.",
    LEFT_OUT,
    "Right is an exact plan, free texts aside, from the likeliest plan alone. What is asked of new "
    "tools is of plans carried out: one may ask for consent otherwise and still do what was asked.",
    *new_tools.HOW,
)
Rows = dict[str, dict[str, Any]]


def removed(lab: Lab, name: str, rows: Sequence[int]) -> PlanBuilder:
    """The builder without a skill: barred, its adapter zero."""
    copy = changed(lab.builder, dict.fromkeys(rows))
    copy.space = copy.space.without(name)
    return copy


def removals(lab: Lab, test: Sequence[Example], before: list[bool]) -> Rows:
    """Each skill taken out, and the placebo."""
    names = [skill.name for skill in lab.builder.space.skills]
    found: Rows = {}
    for name in [*(n for n in names if sum(n in uses(e) for e in test) >= 15), "placebo"]:
        unused = next(n for n in names if n not in NEW and not any(n in uses(e) for e in test))
        rows = [ROWS - 1, names.index(unused)] if name == "placebo" else [names.index(name)]
        copy = removed(lab, unused if name == "placebo" else name, rows)
        split = [
            [i for i, e in enumerate(test) if (name in uses(e)) is want] for want in (True, False)
        ]
        after = lab.right(copy, test)
        drops = [points([after[i] for i in part], [before[i] for i in part]) for part in split]
        lost, won = discordant([before[i] for i in split[0]], [after[i] for i in split[0]])
        found[name] = {
            "dependents": len(split[0]),
            "points lost": drops[0],
            "others": len(split[1]),
            "points they lost": drops[1],
            "p": mcnemar(lost, won, "greater"),
        }
        say(f"without {name}: {found[name]}")
    return found


def shuffles(lab: Lab, test: Sequence[Example], before: list[bool]) -> Rows:
    """What is left when adapters, skills or earlier steps are others'."""
    names = [skill.name for skill in lab.builder.space.skills]
    seen = [i for i, n in enumerate(names) if any(n in uses(e) for e in test)]
    turned = dict(zip(seen, [*seen[1:], seen[0]], strict=True))
    wrong = changed(lab.builder, dict(turned))
    rows = lab.builder.described.rows
    at = [rows[tool_text(wrong.space, names[i])] for i in turned]
    to = [rows[tool_text(wrong.space, names[i])] for i in turned.values()]
    swapped = changed(lab.builder, dict(turned))
    swapped.network.words = swapped.network.words.clone()
    swapped.network.words[at] = lab.builder.network.words[to]
    arms = {
        "adapter_zero": changed(lab.builder, dict.fromkeys(seen)),
        "adapter_wrong": wrong,
        "shuffled_z": swapped,
        "other_steps": mistaken(lab.builder, dict(zip(at, to, strict=True))),
    }
    found: Rows = {}
    for name, builder in arms.items():
        after = lab.right(builder, test)
        p = mcnemar(*discordant(before, after), "greater")
        found[name] = {"points lost": points(after, before), "p": p}
        say(f"{name}: {found[name]}")
    return found


def mistaken(builder: PlanBuilder, turned: Mapping[int, int]) -> PlanBuilder:
    """A copy that takes each step it has built for one of another tool, by the rows of words."""
    copy = changed(builder, {})
    own, row = copy.network.nodes, torch.arange(len(copy.network.words))
    row[list(turned)] = torch.tensor(list(turned.values()))

    def nodes(table: Tensor, steps: Steps) -> Tensor:
        return own(table, replace(steps, word=row[steps.word - WORDS_AT] + WORDS_AT))

    copy.network.nodes = nodes
    return copy


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("seed", 0), ("train", 700), ("steps", 700), ("items", 150)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("skills", f"{EMBEDDED} is not here; run: bb models fetch {EMBEDDED}")
    here = ground("api_json", EMBEDDED)
    lab = Lab(here, fresh(here, reduce(Space.without, NEW, here.space), asked.seed), {})
    taught = drawn(here, asked.train, "train", asked.seed, NEW)
    test = drawn(here, asked.items, "test", asked.seed, NEW)
    lab.tap([*taught, *test])
    train(lab, taught, asked.steps, asked.seed)
    before = lab.right(lab.builder, test)
    say(f"right: {fmean(before):.3f} of {len(test)}")
    gone = removals(lab, test, before)
    mixed = shuffles(lab, test, before)
    added = new_tools.tried(lab, asked.steps // 8, asked.seed)
    return emit(
        "skills",
        met(gone, mixed, added),
        seed=asked.seed,
        versions=("torch", "transformers"),
        claim="Skills are real: without one its dependents fail; and a new tool works as it is",
        bar="a removed skill costs its dependents at least 50 points and others at most 2, a "
        "placebo at most 1; shuffled skills cost at least 50; of the plans with a tool that "
        f"training never showed at least {WORKS:.0%} end in the state asked for, as it is",
        how=HOW,
        recipe=f"{asked.train} examples of api_json, {asked.steps} steps of 8, of the tools on "
        f"offer {STRANGERS:.0%} are strangers; each new tool on the same builder",
        right=round(fmean(before), 3),
        items=len(test),
        removed=gone,
        shuffled=mixed,
        new_tools=added,
    )


def met(gone: Rows, mixed: Rows, added: Rows) -> bool:
    """The bar: 50, 2 and 1 points; shuffled skills collapse; a new tool works."""
    real = [row for name, row in gone.items() if name != "placebo"]
    return (
        all(row["points lost"] >= 50 and row["points they lost"] <= 2 for row in real)
        and gone["placebo"]["points they lost"] <= 1
        and mixed["shuffled_z"]["points lost"] >= 50
        and added["all"]["carried"] >= WORKS
    )


if __name__ == "__main__":
    sys.exit(main())
