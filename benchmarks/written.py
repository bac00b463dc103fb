"""LoRA on recorded requests: the base taught to write what a builder builds, in one pass."""

from collections.abc import Iterable, Sequence
from typing import Any

from report import say
from text_arms.arm import RANK, RATE, Recipe, item, learnable, model_of, train, write_each
from workload import EMBEDDED

from bb_nn.base import load_base

RECIPE = f"; LoRA of rank {RANK} at rate {RATE:g}"
"""What it adds to a recipe, so that rows of other arms are beside its own."""


def written(
    taught: Iterable[tuple[str, str]], held: Sequence[str], tokens: int, seed: int
) -> tuple[list[str], dict[str, Any]]:
    """What it writes for the held-out texts, so many tokens at most, without masks; its cost.

    `taught`: each text with what to write for it.
    """
    base, recipe = load_base(EMBEDDED), Recipe("lora", seed=seed)
    tokenizer = base.tokenizer
    items = [item(tokenizer, said, wanted) for said, wanted in taught]
    model = model_of(base, recipe)
    seconds = train(model, items, recipe, tokenizer.eos_token_id, say)
    found = write_each(model, tokenizer, held, tokens)
    count = sum(p.numel() for p in learnable(model))
    cost = {"seconds": round(seconds), "trainable": count, "rank": RANK, "rate": RATE}
    return found, {**cost, "examples": len(items)}
