"""What the benchmarks of nested plans share: records, states, training, and execution of plans."""

import argparse
import gzip
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from interval import interval
from packs import pack
from report import say
from torch import Tensor

from bb_core.canonical import Json
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.plan import Plan
from bb_core.registry import Registered
from bb_core.state import State
from bb_core.verdict import Checked
from bb_nn.base import Base
from bb_nn.folding.builder import FoldBuilder, new
from bb_nn.folding.lesson import Lesson, lessons
from bb_nn.folding.move import to_plan
from bb_nn.folding.practice import Practice, Taught, practise, taught
from bb_nn.folding.tools import tools
from bb_nn.folding.tree import Node, moves
from bb_nn.folding.words import Words, read_words
from bb_runtime.execute import execute

PART = 512
"""So many texts are built at once."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a pack."""

    id: str
    text: str
    target: str
    kind: str
    varfree: str

    @property
    def words(self) -> tuple[str, ...]:
        """The text's words; the packs put spaces between all of them."""
        return tuple(self.text.split())


def records(path: Path) -> list[Record]:
    """All records of a file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [
        Record(r["id"], r["input"], r["target"], r.get("type", ""), r.get("target_varfree", ""))
        for r in rows
    ]


def domain(name: str) -> Compiled:
    """A domain of this folder, compiled; it is not installed."""
    module = __import__(name)
    return compile_domain(Registered(name, "0", "benchmarks", module.domain))


def carried_out(compiled: Compiled, plan: Plan, request: str, world: Mapping[str, Any]) -> Json:
    """The state of a fresh twin after a plan; None for one the checker refuses or a tool fails."""
    verdict = check(compiled, plan, State(request=request))
    if not isinstance(verdict, Checked):
        return None
    adapters = compiled.adapters()
    twin = adapters.twin(world)
    result = execute(verdict, adapters, twin)
    return twin.snapshot() if result.status == "done" else None


@dataclass(frozen=True, slots=True)
class Lessoned:
    """Texts with a gold plan each, ready to be trained on."""

    words: Words
    lessons: Taught
    texts: int


def lessoned(builder: FoldBuilder, words: Words, plans: Sequence[Node | None]) -> Lessoned:
    """The lessons of every text that has a plan."""
    found: list[tuple[int, Lesson]] = []
    for row, plan in enumerate(plans):
        if plan is not None:
            way = moves(builder.tools, plan)
            found += [(row, one) for one in lessons(builder.asker, words.spelled[row], way)]
    return Lessoned(words, taught(found, words), sum(plan is not None for plan in plans))


@dataclass(frozen=True, slots=True)
class Budget:
    """What a benchmark spends: seeds, training texts, steps of how many questions, test texts.

    `on`: judged on "test", or on "dev", texts held out from the training file, where choices are
    made. `words`: what stands for a word, the "base"'s states or a "random" vector a spelling.
    """

    seeds: tuple[int, ...]
    texts: int
    steps: int
    batch: int
    test: int
    layers: tuple[int, ...]
    on: str = "test"
    words: str = "base"
    show: int = 0
    swap: float = 0.5

    @property
    def recipe(self) -> str:
        """What was trained, in a few words."""
        layers = " and ".join(map(str, self.layers))
        words = f"layers {layers} of the base" if self.words == "base" else "random vectors"
        how = f"{self.steps} steps of {self.batch} questions, {self.swap:.0%} of them swapped"
        return f"{self.texts} texts, {how}; words as {words}"

    def told(self, name: str, claim: str, bar: str) -> dict[str, Any]:
        """A line's name, claim, bar, recipe and seeds. A control has no bar: it only reports."""
        at = f"{name}_dev" if self.on == "dev" else name
        if self.on == "dev":
            claim = f"{claim}; the dev split, on which choices were made"
        if self.words == "random":
            at, bar = f"{at}_random", ""
            claim = f"{claim}; control: random vectors in place of the base's states"
        seeds = list(self.seeds)
        return {"name": at, "claim": claim, "bar": bar, "recipe": self.recipe, "seeds": seeds}


def budget(name: str, doc: str | None, **given: int) -> tuple[Path | None, Budget]:
    """The pack's folder, as in `pack`, and the budget, from the command line; `given` are the
    defaults."""
    asked = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--data")
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked.add_argument("--layers", type=int, nargs="+", default=[0])
    for option, value in {**given, "show": 0}.items():
        asked.add_argument(f"--{option}", type=int, default=value)
    asked.add_argument("--on", choices=("test", "dev"), default="test")
    asked.add_argument("--swap", type=float, default=0.5)
    asked.add_argument("--words", choices=("base", "random"), default="base")
    o = asked.parse_args()
    seeds, layers = tuple(o.seeds), tuple(o.layers)
    spent = Budget(seeds, o.texts, o.steps, o.batch, o.test, layers, o.on, o.words, o.show, o.swap)
    return pack(name, o.data, name), spent


@dataclass(frozen=True, slots=True)
class Trial:
    """One set to train on and another to be judged by. `wanted`: the twin's state for each text."""

    name: str
    compiled: Compiled
    texts: Sequence[Record]
    plans: Sequence[Node | None]
    test: Sequence[Record]
    wanted: Sequence[Json]
    world: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """One text's end: its kind, and whether its plan was carried out to exactly the target."""

    kind: str
    right: bool
    refused: bool
    got: Json


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a trial with one seed.

    losses: (step, mean loss since the point before). fit: the share of training texts whose plan is
    built exactly.
    """

    seed: int
    judged: Sequence[Judged]
    losses: Sequence[tuple[int, float]]
    fit: float
    minutes: float
    texts: int

    def row(self) -> dict[str, float | int]:
        """The figures of one seed."""
        cost = {"trained_on": self.texts, "fit": round(self.fit, 4)}
        return {**share(self.judged), **cost, "minutes": round(self.minutes, 1)}


def try_out(base: Base, trial: Trial, spent: Budget) -> list[Tried]:
    """Read the texts' states once, then train and judge once a seed."""
    found, known = [], tools(trial.compiled)
    say(f"{trial.name}: reading {len(trial.texts) + len(trial.test)} texts")
    words = read(base, trial.texts, spent)
    tested = read(base, trial.test, spent)
    for seed in spent.seeds:
        torch.manual_seed(seed)
        builder = new(base, known, spent.layers)
        ready = lessoned(builder, words, trial.plans)
        how = Practice(steps=spent.steps, batch=spent.batch, swap=spent.swap, seed=seed)
        losses, minutes = train(builder, ready, how)
        judged, fit = judge(builder, trial, tested), fitted(builder, trial, words)
        found.append(Tried(seed, judged, losses, fit, minutes, ready.texts))
        say(f"{trial.name}, seed {seed}: {found[-1].row()}")
        wrong = [row for row, one in enumerate(judged) if not one.right]
        for row in wrong[: spent.show]:
            say(f"  {trial.test[row].text}\n    {trial.wanted[row]}\n    {judged[row].got}")
    return found


def read(base: Base, texts: Sequence[Record], spent: Budget) -> Words:
    """The words' vectors; random ones are the same for the same spelling, and say nothing else."""
    found = read_words(base, [one.text for one in texts], spent.layers)
    if spent.words == "base":
        return found
    width = found.table.shape[1]
    row = {word: stranger(word, width) for word in {w for text in found.spelled for w in text}}
    rows = [torch.zeros(width), *(row[word] for text in found.spelled for word in text)]
    return replace(found, table=torch.stack(rows).to(found.table.dtype))


def stranger(word: str, width: int) -> Tensor:
    """A random vector that a spelling alone decides."""
    return torch.randn(width, generator=torch.Generator().manual_seed(crc32(word.encode())))


def table(tried: Mapping[str, Sequence[Tried]]) -> dict[str, dict[str, float | int]]:
    """A row for every trial and seed."""
    return {f"{name}, seed {t.seed}": t.row() for name, rows in tried.items() for t in rows}


def curves(tried: Mapping[str, Sequence[Tried]]) -> dict[str, Any]:
    """The training loss of every trial and seed, as the evidence page draws it."""
    lines = {f"{name}, seed {t.seed}": t.losses for name, rows in tried.items() for t in rows}
    told = {"x": "step", "y": "nats a question", "log": True}
    return {"Training loss": {**told, "lines": lines}}


def train(
    builder: FoldBuilder, ready: Lessoned, how: Practice
) -> tuple[list[tuple[int, float]], float]:
    """Train; forty points of the loss, and the minutes it took."""
    began, every = time.perf_counter(), max(1, how.steps // 40)
    points, losses = list[tuple[int, float]](), list[float]()

    def say_loss(step: int, loss: float) -> None:
        losses.append(loss)
        if len(losses) == every:
            points.append((step + 1, round(sum(losses) / every, 5)))
            losses.clear()
        if step % 100 == 99:
            say(f"  step {step + 1}: {points[-1][1]:.4f}")

    practise(builder, ready.lessons, ready.words.table, how, say_loss)
    return points, (time.perf_counter() - began) / 60


def fitted(builder: FoldBuilder, trial: Trial, words: Words, count: int = 256) -> float:
    """The share of some training texts whose plan is built exactly."""
    rows = [row for row, plan in enumerate(trial.plans) if plan is not None][-count:]
    built = builder.build(words, rows)
    gold = [moves(builder.tools, plan) for row in rows if (plan := trial.plans[row]) is not None]
    return sum(one.moves == way for one, way in zip(built, gold, strict=True)) / len(rows)


def judge(builder: FoldBuilder, trial: Trial, words: Words) -> list[Judged]:
    """Build every text's plan, check it, carry it out on a fresh twin, compare the twin's state."""
    found = []
    for begin in range(0, len(trial.test), PART):
        part = list(range(begin, min(begin + PART, len(trial.test))))
        for row, folded in zip(part, builder.build(words, part), strict=True):
            one, got = trial.test[row], None
            if folded.done and folded.moves:
                plan = to_plan(trial.compiled, builder.tools, words.spelled[row], folded.moves)
                got = carried_out(trial.compiled, plan, one.text, trial.world)
            right = got is not None and got == trial.wanted[row]
            found.append(Judged(one.kind, right, got is None, got))
    return found


def share(judged: Sequence[Judged]) -> dict[str, float | int]:
    """How many of how many were right, with the Wilson 95 % interval."""
    return {
        **interval("right", [one.right for one in judged], 4),
        "texts": len(judged),
        "refused": sum(one.refused for one in judged),
    }


def by_kind(judged: Sequence[Judged]) -> dict[str, dict[str, float | int]]:
    """`share` of each kind."""
    kinds = sorted({one.kind for one in judged})
    return {kind: share([one for one in judged if one.kind == kind]) for kind in kinds}
