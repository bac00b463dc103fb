"""What benchmarks on recorded requests share: options, frozen states, a builder fitted to plans."""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter
from typing import Any

from report import say

from bb_core.actions import assemble
from bb_core.cache import cache_home
from bb_core.errors import PlanError
from bb_core.plan import Step
from bb_core.scene import Scene
from bb_nn.base import Base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.tapped import Tapped
from bb_train.config import Optimiser
from bb_train.learner import BuilderLearner, Lesson
from bb_train.state_cache import SHARD, StateCache
from bb_train.trainer import Trainer


def options(doc: str, arms: Iterable[str], **numbers: int) -> argparse.Namespace:
    """--arms (of these; all but `lora` unless told), --seeds, --data, and the numbers by name."""
    known = tuple(arms)
    asked = argparse.ArgumentParser(description=doc.splitlines()[0])
    asked.add_argument("--arms", default=",".join(arm for arm in known if arm != "lora"))
    asked.add_argument("--seeds", default="0,1,2")
    asked.add_argument("--data")
    for name, value in numbers.items():
        asked.add_argument(f"--{name}", type=int, default=value)
    found = asked.parse_args()
    found.arms = found.arms.split(",")
    if unknown := set(found.arms) - set(known):
        asked.error(f"no arm {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    try:
        found.seeds = [int(seed) for seed in found.seeds.split(",")]
    except ValueError:
        asked.error(f"--seeds {found.seeds}: give whole numbers with commas between them")
    return found


def states(base: Base, layers: tuple[int, ...], texts: Sequence[str]) -> Callable[[str], Tapped]:
    """The base's states of the texts; each text is read once, on this machine."""
    cache = StateCache(cache_home() / "states", base, layers)
    for begin in range(0, len(texts), 4 * SHARD):
        if cache.fill(texts[begin : begin + 4 * SHARD]):
            say(f"reading: {min(begin + 4 * SHARD, len(texts))} of {len(texts)} texts")
    return cache.get


def unsegmented(base: Base, layers: tuple[int, ...], strangers: float = 0.0) -> BuilderConfig:
    """The shape of a builder for requests that nobody has cut into clauses."""
    return BuilderConfig(
        layers, base.model.config.hidden_size, width=224, tap_dropout=0.1, segmented=False,
        strangers=strangers,
    )  # fmt: skip


def fit(
    builder: PlanBuilder,
    known: Sequence[Lesson],
    read: Callable[[str], Tapped],
    examples: int,
    seed: int,
) -> dict[str, Any]:
    """Train in batches of 8 until so many examples were seen, again and again; what it cost."""
    steps, began = max(1, examples // 8), perf_counter()
    learner = BuilderLearner(builder, known, read)
    trainer = Trainer(learner, Optimiser(steps=steps, warmup=50), seed, method="sum")
    for _ in range(steps):
        taken = trainer.advance()
        if taken.step % 50 == 0:
            say(f"step {taken.step}/{steps}: task {taken.losses['task']:.3f}")
    return {
        "seconds": round(perf_counter() - began),
        "examples": 8 * trainer.step,
        "trainable": sum(p.numel() for p in builder.parameters()),
    }


def beats(row: Mapping[str, Any], other: Mapping[str, Any], figures: Iterable[str]) -> bool:
    """Whether a row is better by every one of these figures."""
    return all(row[name] > other[name] for name in figures)


def only_step(builder: PlanBuilder, tapped: Tapped, scene: Scene) -> Step | None:
    """The step of the likeliest plan; None where there is no plan, or not of one step."""
    made = builder.build(tapped, scene, 1)
    try:
        steps = assemble(builder.space, scene, made[0].decisions).steps if made else ()
    except PlanError:
        return None
    return steps[0] if len(steps) == 1 else None
