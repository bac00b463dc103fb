"""Which learning rate and rank suit the arms' LoRA? Few examples, one pass, held-out loss.

The rates are tried at rank 12, then other ranks at the best rate.

loss        nats a token of the held-out plans; what the choice is made by
exact       share of them that greedy decoding gives exactly, without masks

usage: python benchmarks/lora_sweep.py [--rates R …] [--ranks N …] [--examples 400] [--n 10]
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import arms
import torch
from report import emit, say, skip
from text_arms.arm import RANK, RATE, Item, Recipe, exact, item, learnable, model_of, said, train
from text_arms.compact import Written
from torch.nn import functional as F
from workload import EMBEDDED, FAMILIES, ground

from bb_core.cache import write_whole
from bb_core.canonical import digest_json
from bb_nn.base import load_base
from bb_nn.fetch import fetched
from bb_train.example import Example

FIRST = 12
Tried = dict[tuple[int, float], dict[str, Any]]


def main() -> int:
    """Try the rates, then the ranks; print one line."""
    options = _options()
    if fetched(EMBEDDED) is None:
        return skip("lora_sweep", f"{EMBEDDED} is not here: bb models fetch {EMBEDDED}")
    torch.set_num_threads(1)
    here = ground("api_json", EMBEDDED)
    taught = arms.examples(here, options, "train", "indist", options.examples)
    held = [e for f in FAMILIES for e in arms.examples(here, options, "dev", f, options.n)]
    written, found = Written.of(here.domain), Tried()
    made_from = [here.base.digest, written.compact.digest, [e.digest for e in (*taught, *held)]]

    def known(rank: int, rate: float) -> dict[str, Any]:
        """A pair's row; one that is already in the folder is not made again."""
        recipe = Recipe("lora", rank, rate)
        told = [asdict(recipe), made_from, version("peft"), torch.__version__]
        path = Path(options.folder) / f"sweep-{digest_json(told)[7:23]}.json"
        if not path.exists():
            row = tried(recipe, written, taught, held)
            write_whole(path, json.dumps(row).encode())
        return dict(json.loads(path.read_bytes()))

    for rate in options.rates:
        found[FIRST, rate] = known(FIRST, rate)
    _, rate = best(found)
    for rank in options.ranks:
        found[rank, rate] = known(rank, rate)
    return emit(
        "lora_sweep",
        inside(found),
        versions=("torch", "transformers", "peft"),
        claim="LoRA's best rank and rate",
        bar="the least held-out loss lies inside the ranks and rates tried, not at their edge",
        recipe=f"{options.examples} examples of api_json, one pass in batches of 8",
        how=[
            "Dev tasks, as many of each of the arms' families; one seed. The arms see more "
            "examples, for which a lower rate may be the best."
        ],
        best="rank {}, rate {:g}".format(*best(found)),
        used=f"rank {RANK}, rate {RATE:g}",
        tried={f"rank {rank}, rate {rate:g}": row for (rank, rate), row in found.items()},
    )


def inside(found: Tried) -> bool:
    """Whether higher and lower ranks and rates than the best were tried."""
    return all(
        min(tried) < value < max(tried)
        for value, tried in zip(best(found), zip(*found, strict=True), strict=True)
    )


def best(found: Tried) -> tuple[int, float]:
    """Rank and rate of the least loss."""
    return min(found, key=lambda key: found[key]["loss"])


def tried(
    recipe: Recipe, written: Written, taught: Sequence[Example], held: Sequence[Example]
) -> dict[str, Any]:
    """Train once and judge by the held-out plans."""
    base = load_base(EMBEDDED)
    tokenizer, pad = base.tokenizer, base.tokenizer.eos_token_id
    model = model_of(base, recipe)
    lessons, tests = (
        [item(tokenizer, e.scene.text, written.target(e)) for e in some] for some in (taught, held)
    )
    seconds, mask = train(model, lessons, recipe, pad, say), arms.masks(base, written)
    row = {
        "loss": round(loss(model, tests, pad), 4),
        "exact": round(arms.share([one.free for one in exact(model, tests, pad, mask)]), 3),
        "trainable": sum(p.numel() for p in learnable(model)),
        "seconds": round(seconds),
    }
    say(f"{recipe}: {row}")
    return row


@torch.no_grad()
def loss(model: Any, items: Sequence[Item], pad: int, batch: int = 8) -> float:
    """sum over all targets' tokens of -log p(token) / their number"""
    total, count = 0.0, 0
    rows = sorted(items, key=lambda one: len(one.ids))
    for start in range(0, len(rows), batch):
        found, gold = said(model, rows[start : start + batch], pad)
        there = gold != -100
        total += float(F.cross_entropy(found[there].float(), gold[there], reduction="sum"))
        count += int(there.sum())
    return total / count


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=float, nargs="+", default=[3e-4, 1e-3, 3e-3, 1e-2])
    parser.add_argument("--ranks", type=int, nargs="+", default=[4, 48])
    parser.add_argument("--examples", type=int, default=400)
    parser.add_argument("--n", type=int, default=10)
    parser.add_argument("--folder", default="runs/arms")
    parser.set_defaults(skins=0.25, data_seed=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
