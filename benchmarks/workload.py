"""What benchmarks of training share: generated examples with their frozen states, and a builder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import torch

from bb_core import discover
from bb_core.canonical import canonical
from bb_core.compiled import Compiled, compile_domain
from bb_core.plan import to_json
from bb_core.space import Space
from bb_nn.base import Base, load_base
from bb_nn.builder.batch import Batch
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.conditions import Compared, compared
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.described import Described, describe
from bb_nn.builder.words import words_of
from bb_nn.tapped import Tapped, default_layers, tap
from bb_train.data.constants import space_of
from bb_train.data.generator import Generator, GeneratorConfig
from bb_train.example import Example, Family, Split

EMBEDDED = "smollm2-135m"
"""The base that benchmarks are run beside, unless they say another."""
STRANGERS = 0.3
"""Of the tools on offer, where new ones are to be found; .5 found fewer (skills.py, seed 0)."""
FAMILIES: tuple[Family, ...] = ("indist", "values", "combo", "long", "phrase", "cross")
"""Those of generated tasks that have a plan in every split."""
PATIENCE = 100
"""So many draws for each example that fits, at most."""


def any_one(_: Example) -> bool:
    """Every example fits."""
    return True


@dataclass(frozen=True)
class Ground:
    """A domain, the base beside it, and what the base makes of the domain's words."""

    domain: Compiled
    space: Space
    base: Base
    layers: tuple[int, ...]
    described: Described
    generator: Generator
    places: Compared

    def examples(
        self, count: int, split: Split, seed: int, *, plain: bool = False
    ) -> list[Example]:
        """Generated examples; plain ones wear no skin and say each value where it is needed."""
        share = {"skins": 0.0, "elsewhere": 0.0} if plain else {}
        config = GeneratorConfig(count=count, split=split, seed=seed, **share)
        return list(self.generator.examples(config))

    def drawn(
        self, count: int, split: Split, family: Family, seed: int,
        fits: Callable[[Example], bool] = any_one, **asked: Any,
    ) -> list[Example]:  # fmt: skip
        """The first generated examples that fit; fewer only if PATIENCE runs out.

        asked: as in `GeneratorConfig`. How many are asked for changes none of them.
        """
        config = GeneratorConfig(PATIENCE * count, split, family, seed, **asked)
        return list(islice(filter(fits, self.generator.examples(config)), count))

    def states(self, examples: Sequence[Example]) -> list[Tapped]:
        """The base's frozen states of the examples' scenes."""
        return tap(self.base, [e.scene.text for e in examples], self.layers)

    def builder(self, seed: int, width: int = 256, blocks: int = 2) -> PlanBuilder:
        """A fresh builder."""
        torch.manual_seed(seed)
        hidden = self.base.model.config.hidden_size
        config = BuilderConfig(self.layers, hidden, width=width, blocks=blocks)
        return PlanBuilder(config, self.space, self.described)


@cache
def ground(domain: str, base: str) -> Ground:
    """A domain on a base; made once."""
    compiled, model = compile_domain(discover().get(domain)), load_base(base)
    space, layers = space_of(compiled), default_layers(model)
    described = describe(model, words_of(space), layers)
    return Ground(compiled, space, model, layers, described, Generator(compiled), compared(space))


@dataclass(frozen=True)
class Workload:
    """One batch of real examples, a fresh builder for it, and the same plans as text."""

    builder: PlanBuilder
    batch: Batch
    texts: tuple[str, ...]


@cache
def _batch(base: str, seed: int, size: int) -> tuple[Batch, tuple[str, ...]]:
    here = ground("api_json", base)
    examples = here.examples(size, "train", seed)
    states, builder = here.states(examples), here.builder(seed)
    encoded = [
        builder.encode(t, e.scene, e.plan, e.clauses) for t, e in zip(states, examples, strict=True)
    ]
    texts = tuple(f"{e.scene.text}\n{canonical(to_json(e.plan)).decode()}" for e in examples)
    return builder.batch(states, encoded), texts


def workload(base: str, seed: int, size: int = 8) -> Workload:
    """A batch of api_json's training examples, the same for every call, with a new builder."""
    batch, texts = _batch(base, seed, size)
    return Workload(ground("api_json", base).builder(seed), batch, texts)
