"""DroidTask: what to touch next on a recorded screen, in apps that training never showed.

The visible tasks of ten apps, in folds by app: an app's tasks are judged by a builder trained on
those of the other folds. A step is right if the very element is touched, with the right words where
something is typed, or the task is ended where its record ends. A task is done if all its steps are
right; each step is asked with the recorded steps before it, not with its own.

random      an element by chance; the expected share
overlap     the element that shares most words with what is asked; told when to stop, and whether to
            touch or what to type
builder     a plan builder on the frozen base that reads the task, what was touched, the screen
embeddings  the same builder on the base's token embeddings alone
lora        the base, taught by PEFT to write the step as text, in one pass; no masks

usage: python benchmarks/droid_steps.py [--arms A,B] [--seeds 0,1,2] [--folds 5] [--examples N]
           [--data DIR]

`touches`: steps that do not end a task; `ends`: those that do. Bar: the builder gets more touches
right than overlap (McNemar, p < .05) on every seed.
"""

import gzip
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any
from zlib import crc32

import torch
from droid_recording import Element, moments
from interval import interval
from item_by_item import hits
from packs import pack
from plain_source import WORDS, plain_domain
from report import emit, say
from traces import fit, only_step, options, states, unsegmented
from workload import EMBEDDED
from written import written

from bb_core.compiled import Compiled
from bb_core.plan import Plan, Step
from bb_core.scene import scene
from bb_core.space import Space
from bb_nn.base import load_base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.tapped import Tapped, default_layers
from bb_train.example import Example
from bb_train.learner import lessons
from bb_train.statistics import discordant, mcnemar

BAR = "more elements right than by the overlap of words (McNemar, p < .05), on every seed"
HOW = (
    "Ten apps and a few hundred steps are little to learn from; no choice was made on them. Steps "
    "of one task are not independent, as the test takes them to be.",
    "Seconds are those of all folds, examples and unsayable ones those of the last.",
)
LORA = (
    "LoRA reads what a builder reads and sees each step of the other apps once; its rank and rate "
    "are the best that `lora_sweep.py` tried, on api_json.",
)
"""Told where it was an arm."""
SCHEMA = {
    "plan_schema": 1,
    "domain": "droid",
    "title": "A recorded phone",
    "types": {
        "Place": {"type": "string", "pattern": "^#[0-9]{1,3}$"},
        "Words": WORDS,
    },
    "tools": {
        "touch": {"does": "Touch an element.", "effect": "read", "args": {"at": "Place"}},
        "enter": {
            "does": "Type words into a field.",
            "effect": "read",
            "args": {"at": "Place", "words": "Words"},
        },
        "finish": {"does": "The task is done.", "effect": "read", "args": {}},
    },
}
Choice = tuple[str, ...]
"""What is done: the tool and its arguments."""
Made = tuple[list[Choice], dict[str, Any]]
"""What is done at each step, and what training cost."""


@dataclass(frozen=True)
class Turn:
    """One step: the task it is of, what is read, the elements, what the record does."""

    task: str
    at: int
    app: str
    text: str
    elements: tuple[Element, ...]
    gold: Choice


def steps(folder: Path) -> list[Turn]:
    """The steps of the visible tasks; those whose record names no element on the screen aside."""
    with gzip.open(folder / "droidtask.dev.jsonl.gz", "rt", encoding="utf-8") as file:
        tasks = [json.loads(line) for line in file]
    return [step for task in tasks for step in _steps(task)]


def _steps(task: dict[str, Any]) -> list[Turn]:
    found, done = [], list[str]()
    for moment in moments(task):
        shown = [f"{e.node.role} {e.node.name} {e.node.value} #{e.id}" for e in moment.elements]
        lines = [task["input"], f"Touched: {'; '.join(done)}", *shown]
        text = "\n".join(" ".join(line.split()) for line in lines)
        chosen = moment.chosen
        if chosen is None and moment.choice != -1:
            continue
        at = f"#{moment.choice}"
        words = (moment.text,) if moment.text else ()
        gold = ("finish",) if chosen is None else ("enter" if words else "touch", at, *words)
        found.append(Turn(task["id"], len(done), task["app"], text, moment.elements, gold))
        done.append(chosen.node.name if chosen else "")
    return found


def example(compiled: Compiled, one: Turn) -> Example:
    """A step as an example: a plan of one call."""
    tool, *values = one.gold
    args = dict(zip(compiled.schema.tools[tool].args, values, strict=True))
    plan = Plan(compiled.name, compiled.digest, (Step("n1", tool, args),))
    return Example(f"{one.task}/{one.at}", compiled.name, "train", scene(one.text), plan)


def overlap(one: Turn) -> Choice:
    """The element with most of the request's words; told the words to type and when to stop."""
    if _ends(one):
        return one.gold
    asked = set(re.findall(r"\w+", one.text.split("\n")[0].lower()))
    best = max(
        one.elements, key=lambda e: len(asked & set(re.findall(r"\w+", e.node.name.lower())))
    )
    return (one.gold[0], f"#{best.id}", *one.gold[2:])


def fold(app: str, every: Sequence[str], count: int) -> int:
    """The fold of an app: the apps in the order of a hash, dealt out."""
    return sorted(every, key=lambda name: crc32(name.encode())).index(app) % count


def folds(found: Sequence[Turn], count: int) -> Iterator[tuple[list[int], list[int]]]:
    """The places of the steps that are learnt from, and of those of the apps held out."""
    apps = sorted({one.app for one in found})
    own = [fold(one.app, apps, count) for one in found]
    for number in range(count):
        yield (
            [place for place, of in enumerate(own) if of != number],
            [place for place, of in enumerate(own) if of == number],
        )


def built(
    found: Sequence[Turn], wished: Any, seed: int, *, layers: tuple[int, ...] | None = None
) -> Made:
    """Each step by the builder that did not see its app."""
    base, compiled = load_base(EMBEDDED), plain_domain(SCHEMA)
    layers = layers or default_layers(base)
    read = states(base, layers, [one.text for one in found])
    said: dict[int, Choice] = {}
    cost: dict[str, Any] = {}
    for number, (others, held) in enumerate(folds(found, wished.folds)):
        taught = [example(compiled, found[i]) for i in others]
        torch.manual_seed(seed)
        builder = PlanBuilder.of(unsegmented(base, layers), Space.of(compiled), base)
        known = lessons(builder, taught, read).lessons
        once = fit(builder, known, read, wished.examples, seed)
        cost = once | {"seconds": once["seconds"] + cost.get("seconds", 0)}
        cost["unsayable"] = len(taught) - len(known)
        said |= {i: _chosen(builder, read(found[i].text), found[i]) for i in held}
        say(f"fold {number}: {fmean(said[i] == found[i].gold for i in held):.3f} of {len(held)}")
    return [said[i] for i in range(len(found))], cost


def embedded(found: Sequence[Turn], wished: Any, seed: int) -> Made:
    """The control: the builder on token embeddings."""
    return built(found, wished, seed, layers=(0,))


def lora(found: Sequence[Turn], wished: Any, seed: int) -> Made:
    """Each step as the base writes it that was taught those of other apps."""
    said: dict[int, Choice] = {}
    cost: dict[str, Any] = {"seconds": 0}
    for number, (others, held) in enumerate(folds(found, wished.folds)):
        pairs = [(found[i].text, " ".join(found[i].gold)) for i in others]
        texts, once = written(pairs, [found[i].text for i in held], 40, seed)
        cost = {**once, "seconds": cost["seconds"] + once["seconds"]}
        said |= {i: tuple(text.strip().split(" ", 2)) for i, text in zip(held, texts, strict=True)}
        say(f"fold {number}: {fmean(said[i] == found[i].gold for i in held):.3f} of {len(held)}")
    return [said[i] for i in range(len(found))], cost


ARMS: dict[str, Callable[..., Made]] = {"builder": built, "embeddings": embedded, "lora": lora}


def _chosen(builder: PlanBuilder, tapped: Tapped, one: Turn) -> Choice:
    step = only_step(builder, tapped, scene(one.text))
    return (step.tool, *map(str, step.args.values())) if step else ()


def judged(found: Sequence[Turn], said: Sequence[Choice]) -> dict[str, Any]:
    """The figures of an arm."""
    hits = [choice == one.gold for choice, one in zip(said, found, strict=True)]
    missed = {one.task for one, hit in zip(found, hits, strict=True) if not hit}
    tasks = {one.task for one in found}
    return {
        **interval("steps", hits, 4),
        "touches": round(fmean(touches(found, said)), 4),
        "ends": round(fmean(hit for hit, one in zip(hits, found, strict=True) if _ends(one)), 4),
        "tasks": round(1 - len(missed) / len(tasks), 4),
    }


def touches(found: Sequence[Turn], said: Sequence[Choice]) -> list[bool]:
    """Whether each step is right, those aside that end a task."""
    pairs = zip(said, found, strict=True)
    return [choice == one.gold for choice, one in pairs if not _ends(one)]


def _ends(one: Turn) -> bool:
    return one.gold[0] == "finish"


def main() -> int:
    """Train in folds, judge, print one line."""
    wished = options(__doc__, ARMS, folds=5, examples=3000)
    folder = pack("droid_steps", wished.data, "phone")
    if folder is None:
        return 0
    torch.set_num_threads(1)
    found = steps(folder)
    beaten = [overlap(one) for one in found]
    chance = [1 / len(one.elements) for one in found if not _ends(one)]
    rows = {"random": {"touches": round(fmean(chance), 4)}, "overlap": judged(found, beaten)}
    passed, each = True, dict[str, str]()
    asked = [f"{one.task}/{one.at}" for one in found if not _ends(one)]
    for arm in wished.arms:
        for seed in wished.seeds:
            said, cost = ARMS[arm](found, wished, seed)
            p = mcnemar(*discordant(touches(found, said), touches(found, beaten)), "greater")
            passed &= p < 0.05 or arm != "builder"
            rows[f"{arm}, seed {seed}"] = judged(found, said) | {"p": p, **cost}
            each[f"{arm}, seed {seed}"] = hits(asked, touches(found, said))
    return emit(
        "droid_steps",
        passed,
        seeds=wished.seeds,
        versions=("torch", "transformers", *(("peft",) if "lora" in wished.arms else ())),
        claim="DroidTask: what to touch next, in apps that training never showed",
        **({"bar": BAR} if "builder" in wished.arms else {}),
        recipe=f"{len(found)} steps, {wished.folds} folds by app, "
        f"{wished.examples} examples seen for each; words counted",
        how=HOW + (LORA if "lora" in wished.arms else ()),
        arms=rows,
        hits=each,
    )


if __name__ == "__main__":
    sys.exit(main())
