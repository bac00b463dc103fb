"""What a builder cannot build from is refused in words; an empty request is cut like any other."""

from dataclasses import replace

import pytest

pytest.importorskip("torch")

import torch

from bb_core.scene import scene
from bb_nn.builder.builder import PlanBuilder
from bb_nn.errors import RailError
from bb_nn.tapped import tap
from tests.unit.tiny_rail import base, builder, states

torch.set_num_threads(1)
SEEN = scene("Cancel W1001 please")


def ranking() -> PlanBuilder:
    plain = builder()
    shape = replace(plain.config, ranked=True)
    return PlanBuilder(shape, plain.space, plain.described).eval().requires_grad_(False)


@pytest.mark.parametrize("k", [0, -1])
def test_fewer_than_one_plan_cannot_be_asked_for(k: int) -> None:
    tapped = states(SEEN.text)
    for one in (builder(), ranking()):
        for ask in (one.build, one.likeliest, one.contenders):
            with pytest.raises(RailError, match=f"{k} plans asked for. Use k from 1 up"):
                ask(tapped, SEEN, k)


def test_half_a_character_has_no_states() -> None:
    with pytest.raises(RailError, match="random:llama: character 7 is a lone surrogate"):
        tap(base(), ["Cancel W1001", "cancel \ud800"], (1,))
