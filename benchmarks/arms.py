"""The arms of the rail's evidence: the same examples, the same seconds, the same tasks for all.

usage: python benchmarks/arms.py [--arms few,lora,builder,tokens] [--seed N] [--examples 2000]
           [--skins 0.25] [--split dev|test] [--n 60] [--runs 0] [--rank 4] [--rate 1e-2]

few, lora, full, ladder, inject, hybrid   write the plan as text (text_arms)
builder, whole, tokens                    build it by decisions on frozen states (builder_arm.py)

Each arm makes one pass over the examples, in batches of 8. Where `lora` ran before them, the arms
that build are trained a second time, from the start, for as many seconds of one core as it took,
all that comes before the first step included: that is many passes over the same examples.
A row's `masked` says what greedy decoding gives under the grammar's masks; a builder cannot leave
the grammar. `exact`: the plan is the reference plan, free texts aside, on `n` examples a family.
`carried`: of `runs` a family, how many end in exactly the state asked, written without masks.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from builder_arm import SHAPES, trained
from llguidance import LLMatcher
from report import emit, say, skip
from text_arms import arm as text_arm
from text_arms.arm import (
    RANK,
    RATE,
    TRAINED,
    Item,
    Recipe,
    exact,
    item,
    learnable,
    model_of,
    write,
)
from text_arms.compact import Written
from workload import EMBEDDED, FAMILIES, Ground, ground

from bb_core.cache import write_whole
from bb_core.canonical import digest_json
from bb_core.grammar import mask_text
from bb_nn.base import Base, load_base
from bb_nn.fetch import fetched
from bb_runtime.builder_planner import BuilderPlanner
from bb_runtime.planner import ModelPlanner
from bb_runtime.rounds import Ask, Draft, Planner
from bb_runtime.steer import OPEN_MASKS
from bb_runtime.vocabulary import vocabulary_of
from bb_train.data.generator_config import GeneratorConfig
from bb_train.evaluate import Evaluator, table
from bb_train.example import Example, Family, Split, read_examples, write_examples
from bb_train.statistics import discordant, mcnemar, wilson

SHOWN = 3
Hits = Mapping[str, Sequence[bool]]


@dataclass(frozen=True)
class Outcome:
    """What an arm came to: hits of each family, in the order of the tasks, and what it took."""

    hits: dict[str, list[bool]]
    fit: float
    seen: int
    seconds: float
    trainable: int
    before: float = 0.0
    masked: dict[str, list[bool]] = field(default_factory=dict)
    carried: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """What all arms share."""

    options: argparse.Namespace
    here: Ground
    written: Written
    learnt: Sequence[Example]
    tests: Mapping[Family, Sequence[Example]]

    def carried(self, planner: Planner) -> dict[str, Any]:
        """What carrying plans out comes to."""
        if not self.options.runs:
            return {}
        evaluator = Evaluator(self.here.domain)
        some = [one for wanted in self.tests.values() for one in wanted[: self.options.runs]]
        return table(evaluator.score(some, planner))


def text(bench: Bench, arm: str) -> Outcome:
    """An arm that writes, trained unless it is the base with examples in its prompt."""
    options, written = bench.options, bench.written
    base = load_base(EMBEDDED)
    tokenizer, pad, shown = base.tokenizer, base.tokenizer.eos_token_id, ""
    if arm == "few":
        model, seconds, seen = base.model, 0.0, SHOWN
        pairs = [(e.scene.text, written.target(e)) for e in shortest(bench.learnt)]
        shown = "".join(f"{text_arm.prompt(said)}{plan}\n\n" for said, plan in pairs)
    else:
        rate = options.rate if arm == "lora" else None
        recipe = Recipe(arm, options.rank, rate, options.batch, options.seed)
        model, seen = model_of(base, recipe), len(bench.learnt)
        taught = [item(tokenizer, e.scene.text, written.target(e)) for e in bench.learnt]
        seconds = text_arm.train(model, taught, recipe, pad, lambda said: say(f"{arm} {said}"))
    mask = masks(base, written)

    def judged(examples: Sequence[Example]) -> list[text_arm.Greedy]:
        items: list[Item] = [
            item(tokenizer, e.scene.text, written.target(e), shown, written.aside(e))
            for e in examples
        ]
        return exact(model, items, pad, mask)

    def planner(ask: Ask) -> Draft:
        return Draft(written.text(write(model, tokenizer, ask.request)), planner=arm)

    found = {family: judged(wanted) for family, wanted in bench.tests.items()}
    return Outcome(
        hits={family: [one.free for one in rows] for family, rows in found.items()},
        masked={family: [one.masked for one in rows] for family, rows in found.items()},
        fit=share([one.free for one in judged(bench.learnt[:60])]),
        seen=seen,
        seconds=seconds,
        trainable=0 if arm == "few" else sum(p.numel() for p in learnable(model)),
        carried=bench.carried(planner) if arm != "few" else {},
    )


def masks(base: Base, written: Written) -> LLMatcher:
    """The compact grammar's masks over the base's tokens."""
    grammar = OPEN_MASKS + mask_text(written.compact.grammar)
    return LLMatcher(vocabulary_of(base).ll, LLMatcher.grammar_from_lark(grammar))


def shortest(examples: Sequence[Example]) -> list[Example]:
    """Three short examples, for a prompt."""
    return sorted(examples, key=lambda e: (len(e.scene.text), e.id))[: 50 * SHOWN : 50]


def built(bench: Bench, arm: str, steps: int | None = None) -> Outcome:
    """An arm that builds, trained for so many steps; for one pass if None."""
    options = bench.options
    done = trained(bench.here, arm, bench.learnt, steps, options.batch, options.seed)
    lab, builder = done.lab, done.lab.builder
    builder.eval()
    for wanted in bench.tests.values():
        lab.tap(wanted)
    planner = BuilderPlanner(builder, ModelPlanner(bench.here.base, bench.here.domain))
    return Outcome(
        hits={family: lab.right(builder, wanted) for family, wanted in bench.tests.items()},
        fit=share(lab.right(builder, bench.learnt[:60])),
        seen=done.steps * options.batch,
        seconds=done.seconds,
        before=done.before,
        trainable=sum(p.numel() for p in builder.parameters() if p.requires_grad),
        carried=bench.carried(planner),
    )


def steps_in(seconds: float, known: Outcome, batch: int) -> int:
    """How many steps at a known arm's pace fit into so many seconds, what comes before included."""
    pace = (known.seconds - known.before) * batch / known.seen
    return int((seconds - known.before) / pace)


def share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits)


def outcomes(bench: Bench) -> dict[str, Outcome]:
    """Every arm's outcome; those already in the folder are not made again."""
    found: dict[str, Outcome] = {}
    for arm in bench.options.arms:
        make = built if arm in SHAPES else text
        found[arm] = kept(bench, arm) or keep(bench, arm, make(bench, arm))
        if arm in SHAPES and "lora" in found:
            long = f"{arm}, LoRA's seconds"
            steps = steps_in(found["lora"].seconds, found[arm], bench.options.batch)
            found[long] = kept(bench, long) or keep(bench, long, built(bench, arm, steps))
    return found


def place(bench: Bench, name: str) -> Path:
    """Where an arm's outcome is kept. In its name's digest is what it depends on, LoRA's rank and
    rate only where its seconds do; not the code, so remove it where that changes."""
    aside = {"arms", "folder"} | ({"rank", "rate"} if "lora" not in name.lower() else set())
    told = {k: v for k, v in vars(bench.options).items() if k not in aside}
    told |= {"arm": name, "schema": bench.here.domain.digest, "torch": torch.__version__}
    return Path(bench.options.folder) / f"{digest_json(told)[7:23]}.json"


def kept(bench: Bench, name: str) -> Outcome | None:
    path = place(bench, name)
    return Outcome(**json.loads(path.read_bytes())) if path.exists() else None


def keep(bench: Bench, name: str, outcome: Outcome) -> Outcome:
    write_whole(place(bench, name), json.dumps(vars(outcome)).encode())
    say(f"{name}: {row(outcome, outcome.hits)}")
    return outcome


def row(outcome: Outcome, hits: Hits) -> dict[str, Any]:
    """A row of the table."""
    every = [hit for rows in hits.values() for hit in rows]
    found = wilson(sum(every), len(every))
    return {
        **{family: round(share(rows), 3) for family, rows in hits.items()},
        "all": [round(x, 3) for x in (found.value, found.low, found.high)],
        "on training": round(outcome.fit, 3),
        "seen": outcome.seen,
        "seconds": round(outcome.seconds),
        "trainable": outcome.trainable,
    }


def against(first: Hits, second: Hits) -> dict[str, Any]:
    """Won, lost and p of an exact McNemar test, for each family."""
    found: dict[str, Any] = {}
    for family in first:
        won, lost = discordant(first[family], second[family])
        found[family] = f"{won}:{lost}, p {mcnemar(won, lost, 'greater'):.2g}"
    return found


def beats(first: Hits, second: Hits) -> bool:
    """Better in every family at .05."""
    pairs = [discordant(first[family], second[family]) for family in first]
    return all(mcnemar(won, lost, "greater") < 0.05 for won, lost in pairs)


def controlled(builders: Mapping[str, Hits]) -> Iterator[tuple[str, str]]:
    """Each builder with those that lack the base or the cuts and were trained as long."""
    for name in builders:
        others = (name.replace("builder", lacks, 1) for lacks in ("tokens", "whole"))
        yield from ((name, other) for other in others if other != name and other in builders)


def main() -> int:
    options = _options()
    if fetched(EMBEDDED) is None:
        return skip("arms", f"{EMBEDDED} is not here: bb models fetch {EMBEDDED}")
    torch.set_num_threads(1)
    here = ground("api_json", EMBEDDED)
    learnt = examples(here, options, "train", "indist", options.examples)
    tests = {f: examples(here, options, options.split, f, options.n) for f in FAMILIES}
    found = outcomes(Bench(options, here, Written.of(here.domain), learnt, tests))
    named = {name: (one, one.hits) for name, one in found.items()}
    named |= {f"{name}, masked": (one, one.masked) for name, one in found.items() if one.masked}
    text_rows = {name: hits for name, (_, hits) in named.items() if name.startswith("lora")}
    builders = {name: one.hits for name, one in found.items() if name.split(",")[0] in SHAPES}
    judged = bool(text_rows) and any(name.startswith("builder") for name in builders)
    ours = [hits for name, hits in builders.items() if name.startswith("builder")]
    seed = f"seed {options.seed}"
    return emit(
        f"arms_{options.split}",
        not judged or all(beats(one, other) for one in ours for other in text_rows.values()),
        seed=options.seed,
        versions=("torch", "transformers", "peft"),
        claim="Arms: the builder against LoRA and others on api_json"
        + ("; the test split" if options.split == "test" else ""),
        bar="the builder beats LoRA in every family (McNemar, p < .05), masked or not, on as many "
        "examples and in as many seconds, by every seed",
        recipe=f"{options.examples} examples, one pass in batches of {options.batch}, skins on "
        f"{options.skins:.0%}; LoRA of rank {options.rank} at rate {options.rate:g}",
        how=HOW,
        arms={f"{name}, {seed}": row(one, hits) for name, (one, hits) in named.items()},
        paired={
            f"{name} against {other}, {seed}": against(hits, text_rows[other])
            for name, hits in builders.items()
            for other in text_rows
        }
        | {
            f"{name} against {other}, {seed}": against(builders[name], builders[other])
            for name, other in controlled(builders)
        },
        carried={
            f"{name}, {seed}, {family}": {k: v for k, v in rows.items() if k != "seconds"}
            for name, one in found.items()
            for family, rows in one.carried.items()
        },
    )


HOW = (
    "A family's figure is the share of exact plans, free texts aside. The text arms write "
    "compact plans (one call a line); a builder writes decisions.",
    "Exact by greedy decoding: the likeliest token is the reference plan's at every place outside "
    "the free texts, freely or among those that the grammar allows (`masked`). A text arm writes "
    "the steps in the reference plan's order; a builder may build them in any.",
    "The builder is also told, in training, where each example's clauses start, and up to half of "
    "its examples are shown a second time cut wrongly: its pass is longer, and `seen` counts both. "
    "The text arms are not told.",
    "`LoRA's seconds`: as many steps as fit at the pace of the one pass, over the same examples "
    "again and again; LoRA was not given more passes. A builder's seconds are all it takes: the "
    "base reads the words and the requests, lessons are made, the builder learns.",
    "`tokens` reads the base's token embeddings and none of its layers, `whole` does not cut the "
    "request into clauses: what they lose is due to the base and to the structure.",
)


def examples(
    here: Ground, options: argparse.Namespace, split: Split, family: Family, count: int
) -> tuple[Example, ...]:
    """The examples of a family, kept in the folder; the same for every arm."""
    skins = options.skins if split == "train" else 0.25
    config = GeneratorConfig(
        count=count, split=split, family=family, seed=options.data_seed, skins=skins
    )
    made_from = config.made_from(here.domain)
    path = Path(options.folder) / f"{split}-{family}-{digest_json(made_from)[7:19]}.jsonl"
    if not path.exists():
        say(f"making {path}")
        write_examples(path, tuple(here.generator.examples(config)), made_from)
    return read_examples(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    known = ("few", *TRAINED, *SHAPES)
    parser.add_argument("--arms", default="few,lora,builder,tokens", help=", ".join(known))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--skins", type=float, default=0.25)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rank", type=int, default=RANK)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--data-seed", type=int, default=0)
    parser.add_argument("--folder", default="runs/arms")
    options = parser.parse_args()
    options.arms = tuple(options.arms.split(","))
    if unknown := set(options.arms) - set(known):
        parser.error(f"no arm {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
