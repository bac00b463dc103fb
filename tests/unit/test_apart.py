"""Exact KL between builders: none to itself, more with every change; by plans across spaces."""

from math import isfinite, log

import pytest

pytest.importorskip("torch")

import torch

from bb_core.actions import Space
from bb_core.compiled import Compiled, compile_domain
from bb_core.registry import discover
from bb_core.scene import scene
from bb_nn.base import Base, load_base
from bb_nn.builder.apart import apart, coarse
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.tapped import tap

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("random:llama", torch.float32)


@pytest.fixture(scope="module")
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


def builder(base: Base, space: Space, change: float = 0.0) -> PlanBuilder:
    torch.manual_seed(0)
    depth = base.model.config.num_hidden_layers
    width = base.model.config.hidden_size
    config = BuilderConfig((1, depth), width, width=32, dropout=0.0, tap_dropout=0.0)
    made = PlanBuilder.of(config, space, base).eval()
    with torch.no_grad():
        for p in made.parameters():
            p.add_(change * torch.randn_like(p))
    return made


def test_kl_grows_with_the_change_and_is_nothing_without(base: Base, shop: Compiled) -> None:
    space = Space.of(shop)
    ours, seen = builder(base, space), scene(shop.battery[0].prompt)
    tapped = tap(base, [seen.text], ours.config.layers)[0]
    same, near, far = (
        apart(ours, builder(base, space, c), (tapped, tapped), seen) for c in (0, 0.01, 0.1)
    )
    assert len(same) == len(near) == len(far) > 3
    assert max(same) == 0.0 and all(x >= 0 and isfinite(x) for x in (*near, *far))
    assert 0 < sum(near) < sum(far)


def test_a_builder_that_is_being_trained_is_compared_without_its_dropout(
    base: Base, shop: Compiled
) -> None:
    layers = (1, base.model.config.num_hidden_layers)
    one = PlanBuilder.of(
        BuilderConfig(layers, base.model.config.hidden_size, width=32), Space.of(shop), base
    )
    one.network.decoder.eval()
    seen = scene(shop.battery[0].prompt)
    tapped = tap(base, [seen.text], layers)[0]
    modes = [part.training for part in one.modules()]
    found = apart(one, one, (tapped, tapped), seen)
    assert found and max(found) == 0.0
    assert [part.training for part in one.modules()] == modes and one.training


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({"a": 0.7, "b": 0.3}, {"a": 0.7, "b": 0.3}, 0.0),
        ({"a": 0.5, "b": 0.5}, {"a": 0.25, "b": 0.75}, 0.5 * log(2) + 0.5 * log(2 / 3)),
        ({"a": 0.5}, {"a": 0.5}, 0.0),
        ({"a": 1.0}, {"b": 0.9}, log(10)),
        ({}, {}, 0.0),
    ],
)
def test_kl_over_plans(ours: dict[str, float], theirs: dict[str, float], expected: float) -> None:
    assert coarse(ours, theirs) == pytest.approx(expected)
