"""One arm of the rail's evidence: trained on a domain's examples, measured family by family.

usage: python benchmarks/arms.py --arm lora --seed 0 [--rate 1e-3] [--rank 12] [--examples 2000]
           [--seconds S] [--split dev|test] [--n 40] [--runs 10] [--folder runs/arms]

arms   few (the base, shown three examples, under masks), lora, full, ladder, inject, hybrid: text;
       builder arms are trained by `bb train` and measured by `bb train --measure`.
exact  greedy decoding gives exactly the reference plan (free texts aside), on `n` examples a family
right  the plan, written without masks and carried out on the twin, ends in exactly the state asked
       for, on `runs` of them. No bar: the table it goes into is the result, whatever it says.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from report import emit, say, skip
from text_arms.arm import Recipe, exact, item, learnable, model_of, train, write
from text_arms.compact import Written

from bb_core import discover
from bb_core.compiled import Compiled, compile_domain
from bb_nn.base import Base, load_base
from bb_nn.fetch import fetched
from bb_runtime.planner import ModelPlanner
from bb_runtime.rounds import Ask, Draft
from bb_train.data.generator import Generator, GeneratorConfig
from bb_train.evaluate import Evaluator, table
from bb_train.example import Example, read_examples, write_examples
from bb_train.statistics import wilson

EMBEDDED = "smollm2-135m"
FAMILIES = ("indist", "values", "combo", "long", "phrase", "cross")


def main() -> int:
    options = _options()
    if fetched(EMBEDDED) is None:
        return skip("arms", f"{EMBEDDED} is not here: bb models fetch {EMBEDDED}")
    torch.set_num_threads(options.threads)
    compiled = compile_domain(discover().get("api_json"))
    base = load_base(EMBEDDED, torch.float32 if options.arm == "full" else None)
    recipe = Recipe(
        options.arm,
        options.rank,
        options.rate,
        options.examples,
        options.batch,
        options.seconds,
        options.seed,
    )
    tests = {f: examples(compiled, options, options.split, f, options.n) for f in FAMILIES}
    if options.arm == "few":
        figures: dict[str, Any] = {
            "families": right(compiled, tests, _few(compiled, base), options)
        }
    else:
        figures = measured(compiled, base, recipe, tests, options)
    emit(
        "arms",
        True,
        seed=options.seed,
        versions=("torch", "transformers", "peft"),
        recipe=asdict(recipe),
        split=options.split,
        dtype=str(base.dtype),
        **figures,
    )
    return 0


def measured(
    compiled: Compiled,
    base: Base,
    recipe: Recipe,
    tests: dict[str, Sequence[Example]],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Train a text arm and measure it."""
    written, tokenizer, pad = Written.of(compiled), base.tokenizer, base.tokenizer.eos_token_id
    learnt = examples(compiled, options, "train", "indist", options.train)
    items = [item(tokenizer, e.scene.text, written.target(e)) for e in learnt]
    model = model_of(base, recipe)
    seconds = train(model, items, recipe, pad, say)
    found: dict[str, Any] = {"train": _share(exact(model, items[:60], pad))}
    for family, wanted in tests.items():
        rows = [item(tokenizer, e.scene.text, written.target(e)) for e in wanted]
        found[family] = _share(exact(model, rows, pad))
        say(f"{family} exact {found[family]}")

    def planner(ask: Ask) -> Draft:
        return Draft(written.text(write(model, tokenizer, ask.request)), planner=recipe.arm)

    runs = right(compiled, tests, planner, options) if options.runs else {}
    count = sum(p.numel() for p in learnable(model))
    return {"exact": found, "families": runs, "seconds": round(seconds, 1), "trainable": count}


def right(
    compiled: Compiled, tests: dict[str, Sequence[Example]], planner: Any, options: Any
) -> dict[str, Any]:
    """What carrying the plans out comes to, on the first `runs` of each family."""
    evaluator = Evaluator(compiled)
    scores = []
    for family, wanted in tests.items():
        scores += evaluator.score(wanted[: options.runs], planner)
        say(f"{family} carried out")
    return table(scores)


def _few(compiled: Compiled, base: Base) -> ModelPlanner:
    return ModelPlanner(base, compiled, budget=640)


def _share(hits: Sequence[bool]) -> list[float]:
    found = wilson(sum(hits), len(hits))
    return [round(x, 4) for x in (found.value, found.low, found.high)] + [len(hits)]


def examples(
    compiled: Compiled, options: argparse.Namespace, split: Any, family: Any, count: int
) -> tuple[Example, ...]:
    """The examples of a family, kept in the folder; the same for every arm."""
    config = GeneratorConfig(count=count, split=split, family=family, seed=options.data_seed)
    made_from = config.made_from(compiled)
    path = Path(options.folder) / f"{split}-{family}-{count}-{options.data_seed}.jsonl"
    if not path.exists():
        say(f"making {path}")
        made = options.makers.setdefault(compiled.name, Generator(compiled))
        write_examples(path, tuple(made.examples(config)), made_from)
    return read_examples(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    arms = ("few", "lora", "full", "ladder", "inject", "hybrid")
    parser.add_argument("--arm", choices=arms, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--rank", type=int, default=12)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--examples", type=int, default=2000, help="seen in training")
    parser.add_argument("--train", type=int, default=4000, help="distinct ones they come from")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data-seed", type=int, default=0)
    parser.add_argument("--folder", default="runs/arms")
    parser.set_defaults(makers={})
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
