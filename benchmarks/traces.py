"""What benchmarks on recorded requests share: the nearest one, states, fitting a builder."""

import argparse
import math
from collections import Counter
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from report import say

from bb_core.cache import cache_home
from bb_nn.base import Base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.tapped import Tapped
from bb_train.config import Optimiser
from bb_train.learner import BuilderLearner, Lesson
from bb_train.state_cache import SHARD, StateCache
from bb_train.trainer import Trainer


def nearest(taught: Sequence[str], held: Sequence[str]) -> list[int]:
    """argmax over b of (sum of idf^2 over the words that a and b share) / |b|, for each held a."""
    bags = [frozenset(text.lower().split()) for text in taught]
    seen = Counter(word for bag in bags for word in bag)
    idf = {word: math.log(len(bags) / count) for word, count in seen.items()}

    def size(bag: frozenset[str]) -> float:
        return math.sqrt(sum(idf.get(word, 0.0) ** 2 for word in bag)) or 1.0

    sizes = list(map(size, bags))
    found = []
    for text in held:
        own = frozenset(text.lower().split())
        scores = [
            sum(idf[word] ** 2 for word in own & bag) / long
            for bag, long in zip(bags, sizes, strict=True)
        ]
        found.append(scores.index(max(scores)))
    return found


def states(base: Base, layers: tuple[int, ...], texts: Sequence[str]) -> Callable[[str], Tapped]:
    """The base's states of the texts; each text is read once, on this machine."""
    cache = StateCache(cache_home() / "states", base, layers)
    for begin in range(0, len(texts), 4 * SHARD):
        if cache.fill(texts[begin : begin + 4 * SHARD]):
            say(f"reading: {min(begin + 4 * SHARD, len(texts))} of {len(texts)} texts")
    return cache.get


def unsegmented(base: Base, layers: tuple[int, ...]) -> BuilderConfig:
    """The shape of a builder for requests that nobody has cut into clauses."""
    width = base.model.config.hidden_size
    return BuilderConfig(layers, width, width=224, tap_dropout=0.1, segmented=False)


def fit(
    builder: PlanBuilder,
    known: Sequence[Lesson],
    read: Callable[[str], Tapped],
    options: argparse.Namespace,
    seed: int,
) -> dict[str, Any]:
    """Train in batches of 8 over `options.examples`, for `options.seconds` at most; the cost."""
    steps, began = max(1, options.examples // 8), perf_counter()
    learner = BuilderLearner(builder, known, read)
    trainer = Trainer(learner, Optimiser(steps=steps, warmup=50), seed, method="sum")
    limit = options.seconds or math.inf
    while trainer.step < steps and perf_counter() - began < limit:
        taken = trainer.advance()
        if taken.step % 50 == 0:
            say(f"step {taken.step}/{steps}: task {taken.losses['task']:.3f}")
    return {
        "seconds": round(perf_counter() - began),
        "examples": 8 * trainer.step,
        "trainable": sum(p.numel() for p in builder.parameters()),
    }
