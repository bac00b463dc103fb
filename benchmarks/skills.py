"""Are skills real? What is lost without one, and what a new tool costs.

removed     a skill is barred and its adapter zeroed: what that costs the test items whose plan uses
            it (dependents) and the others; `placebo` does it to a skill and a row nobody uses
adapter     only the adapter rows are zeroed, or given to the wrong skills: the rest of the builder
            stays, so this says what the bank itself carries
shuffled_z  every skill has another one's vector and adapter
shuffled_dag the plan's edges and references name other earlier steps
new_tools   tools that training never showed, learnt one after another with the trunk frozen: a tool
            that works as it is costs nothing, else its vector and adapter (P(n), in numbers)

Everything is exact plans, free texts aside, from the likeliest plan alone.

usage: python benchmarks/skills.py [--seed N] [--train N] [--steps N] [--items N]
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from math import log
from random import Random
from statistics import fmean
from typing import Any

import torch
from lab import Lab, changed, drawn, fit, points, train, uses
from report import emit, say, skip
from workload import ground

from bb_core.actions import Decision, Refer, Space
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.words import tool_text
from bb_nn.fetch import fetched
from bb_train.example import Example
from bb_train.statistics import discordant, mcnemar

EMBEDDED = "smollm2-135m"
ROWS = 32
NEW = ("issue_credit", "modify_payment", "exchange_items", "capture_payment")
PER_TOOL = 25
HOW = (
    "A removed skill is barred and its adapter zeroed. Its dependents then cannot be right, by the "
    "plan language alone; what the row shows is that nobody else leans on it.",
    "The adapter rows say what the bank itself carries: skills keep their vectors, the adapters "
    "are zeroed or another skill's.",
    "Right is an exact plan, free texts aside, from the likeliest plan alone.",
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
        unused = next(n for n in names if not any(n in uses(e) for e in test))
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


def shuffles(lab: Lab, test: Sequence[Example], before: list[bool], seed: int) -> Rows:
    """What is left when adapters, skills or edges are others'."""
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
    source = Random(seed)
    arms = {
        "adapter_zero": (changed(lab.builder, dict.fromkeys(seen)), tuple),
        "adapter_wrong": (wrong, tuple),
        "shuffled_z": (swapped, tuple),
        "shuffled_dag": (lab.builder, lambda ds: rewired(lab.builder.space, ds, source)),
    }
    found: Rows = {}
    for name, (builder, shuffle) in arms.items():
        found[name] = {"points lost": points(lab.right(builder, test, shuffle), before)}
        say(f"{name}: {found[name]}")
    return found


def rewired(space: Space, decisions: Sequence[Decision], source: Random) -> tuple[Decision, ...]:
    """The decisions with every edge and reference to another earlier step, drawn at random."""
    found, made = [], 0
    for decision in decisions:
        earlier = range(made)
        after = tuple(sorted(source.sample(earlier, min(len(decision.after), made))))
        fills = tuple(
            replace(fill, step=source.choice(earlier)) if isinstance(fill, Refer) else fill
            for fill in decision.fills
        )
        found.append(replace(decision, after=after, fills=fills))
        made += len(space.skills[decision.skill].tools)
    return tuple(found)


def new_tools(lab: Lab, steps: int, seed: int) -> tuple[Rows, float | None]:
    """Tools that were never shown, one after another; numbers added, and how well each works."""
    space, spent, found = lab.builder.space, 0, Rows()
    numbers = []
    for tool in NEW:
        hidden = [other for other in NEW if other != tool]
        some = drawn(lab.here, 24 * PER_TOOL, "train", seed + 1, hidden)
        some = [example for example in some if tool in uses(example)]
        some = some[: 3 * PER_TOOL]
        lab.tap(some)
        taught, test = some[: 2 * PER_TOOL], some[2 * PER_TOOL :]
        as_is = lab.right(lab.builder, test)
        place = next(i for i, skill in enumerate(space.skills) if skill.name == tool)
        learnt = changed(lab.builder, {})
        fit(lab, learnt, [place], taught, steps)
        after = lab.right(learnt, test)
        if sum(after) > sum(as_is):
            words, bank = learnt.network.words, learnt.network.decoder.blocks
            spent += words.shape[1] + sum(
                p.numel() for b in bank for p in b.bank.tensors(place).values()
            )
            lab.builder = learnt
        numbers.append(spent)
        found[tool] = {"n": len(test), "as_is": sum(as_is), "fitted": sum(after), "numbers": spent}
        say(f"new tool {tool}: {found[tool]}")
    return found, slope(numbers)


def slope(numbers: Sequence[int]) -> float | None:
    """The log-log slope of numbers spent over tools learnt; 1 is one share a tool; None: free."""
    rows = [(log(n), log(spent)) for n, spent in enumerate(numbers, 1) if spent]
    if len(rows) < 2:
        return None
    mx, my = fmean(x for x, _ in rows), fmean(y for _, y in rows)
    return round(sum((x - mx) * (y - my) for x, y in rows) / sum((x - mx) ** 2 for x, _ in rows), 3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("seed", 0), ("train", 700), ("steps", 700), ("items", 150)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    if fetched(EMBEDDED) is None:
        return skip("skills", f"{EMBEDDED} is not here; run: bb models fetch {EMBEDDED}")
    here = ground("api_json", EMBEDDED)
    torch.manual_seed(asked.seed)
    shape = BuilderConfig(here.layers, here.base.model.config.hidden_size, skills=ROWS)
    lab = Lab(here, PlanBuilder(shape, here.space, here.described), {})
    taught = drawn(here, asked.train, "train", asked.seed, NEW)
    test = drawn(here, asked.items, "test", asked.seed, NEW)
    lab.tap([*taught, *test])
    train(lab, taught, asked.steps, asked.seed)
    before = lab.right(lab.builder, test)
    say(f"right: {fmean(before):.3f} of {len(test)}")
    gone = removals(lab, test, before)
    mixed = shuffles(lab, test, before, asked.seed)
    added, grown = new_tools(lab, asked.steps // 8, asked.seed)
    return emit(
        "skills",
        met(gone, mixed, grown),
        seed=asked.seed,
        versions=("torch", "transformers"),
        claim="Skills are real: without one its dependents fail",
        bar="a removed skill costs its dependents at least 50 points and others at most 2, a "
        "placebo at most 1; shuffled skills and edges cost at least 50; numbers a new tool needs "
        "grow with a slope below 1",
        how=HOW,
        recipe=f"{asked.train} examples of api_json, {asked.steps} steps of 8",
        right=round(fmean(before), 3),
        items=len(test),
        removed=gone,
        shuffled=mixed,
        new_tools=added,
        slope=grown,
    )


def met(gone: Rows, mixed: Rows, grown: float | None) -> bool:
    """The bar: 50, 2 and 1 points; controls collapse; slope < 1."""
    real = [row for name, row in gone.items() if name != "placebo"]
    return (
        all(row["points lost"] >= 50 and row["points they lost"] <= 2 for row in real)
        and gone["placebo"]["points they lost"] <= 1
        and min(mixed[arm]["points lost"] for arm in ("shuffled_z", "shuffled_dag")) >= 50
        and (grown is None or grown < 1)
    )


if __name__ == "__main__":
    sys.exit(main())
