"""A shop's builder on a tiny base of random weights, and examples for it: mechanics, no quality."""

from functools import cache
from typing import Any

import torch

from bb_core import discover
from bb_core.compiled import Compiled, compile_domain
from bb_core.space import Space
from bb_nn.base import Base, load_base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.option_head import Kind, Query
from bb_nn.tapped import Tapped, tap
from bb_train.data.generator import Generator, GeneratorConfig
from bb_train.example import Example
from bb_train.learner import lessons

LAYERS = (1, 2)
SHORT = 200
FREE = ("notify_customer", "handoff", "issue_credit")


@cache
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


@cache
def base() -> Base:
    return load_base("random:llama", torch.float32)


@cache
def generator() -> Generator:
    return Generator(shop())


@cache
def made(count: int = 12, seed: int = 0) -> tuple[Example, ...]:
    wanted = GeneratorConfig(
        count=3 * count, split="train", seed=seed, execute=False, skins=0.0, without_tools=FREE
    )
    found = [one for one in generator().examples(wanted) if len(one.scene.text) < SHORT]
    return tuple(found[:count])


@cache
def states(text: str) -> Tapped:
    return tap(base(), [text], LAYERS)[0]


def builder(seed: int = 0) -> PlanBuilder:
    torch.manual_seed(seed)
    shape = BuilderConfig(LAYERS, base().model.config.hidden_size, width=16, heads=2, blocks=1)
    return PlanBuilder.of(shape, Space.of(shop()), base()).eval().requires_grad_(False)


def ending(one: PlanBuilder, more: float = 3.0) -> PlanBuilder:
    """The builder, readier to end a clause; of random weights it asks on without an end."""
    one.network.head.bias.weight[Query.SKILL * len(Kind) + Kind.MARK] += more
    return one


def logits(one: PlanBuilder) -> Any:
    lesson = lessons(one, made()[:3], states).lessons
    batch = one.batch([states(e.text) for e in lesson], [e.encoded for e in lesson])
    return one.network(batch).options
