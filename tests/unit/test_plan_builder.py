"""What a builder cannot build from is refused in words; an empty request is cut like any other."""

from dataclasses import replace
from functools import cache

import pytest

pytest.importorskip("torch")

import torch

from bb_core.scene import scene
from bb_nn.builder.apart import FAR, apart
from bb_nn.builder.builder import PlanBuilder
from bb_nn.errors import RailError
from bb_nn.tapped import tap
from bb_runtime.rounds import Observation
from tests.unit.tiny_rail import LAYERS, base, builder, ending, states

torch.set_num_threads(1)
SEEN = scene("Cancel W1001 please")


@cache
def plain() -> PlanBuilder:
    return builder()


def copied(ranked: bool) -> PlanBuilder:
    shape = replace(plain().config, ranked=ranked)
    return PlanBuilder(shape, plain().space, plain().described).eval().requires_grad_(False)


def ranking() -> PlanBuilder:
    return copied(ranked=True)


@pytest.mark.parametrize("k", [0, -1])
def test_fewer_than_one_plan_cannot_be_asked_for(k: int) -> None:
    tapped = states(SEEN.text)
    for one in (plain(), ranking()):
        for ask in (one.build, one.likeliest, one.contenders):
            with pytest.raises(RailError, match=f"{k} plans asked for. Use k from 1 up"):
                ask(tapped, SEEN, k)


def test_half_a_character_has_no_states() -> None:
    with pytest.raises(RailError, match="random:llama: character 7 is a lone surrogate"):
        tap(base(), ["Cancel W1001", "cancel \ud800"], (1,))


def test_no_layers_are_no_states() -> None:
    with pytest.raises(RailError, match="random:llama: no layers to read"):
        tap(base(), ["Cancel W1001"], ())


def test_states_of_other_layers_are_refused_with_both_named() -> None:
    asks = (plain().build, plain().starts, lambda tapped, seen: plain().batch([tapped], []))
    for layers in ((1,), (2, 1), (0, 1, 2)):
        tapped = tap(base(), [SEEN.text], layers)[0]
        for ask in asks:
            with pytest.raises(RailError) as refused:
                ask(tapped, SEEN)
            assert f"of layers {layers}" in str(refused.value)
            assert f"Tap layers {LAYERS}" in str(refused.value)
    other = replace(states(SEEN.text), states=states(SEEN.text).states[..., :8], layers=())
    with pytest.raises(RailError, match="of 2 layers, 8 wide"):
        plain().ways(other, SEEN)


@pytest.mark.parametrize("asked", ["", " "])
def test_a_request_without_words_is_one_clause_from_its_first_character_on(asked: str) -> None:
    seen = scene(asked, [Observation("n1", "get_order", {}, "ok", {"order_id": "W1001"})])
    assert plain().starts(states(seen.text), seen) == (0,)


@pytest.mark.parametrize("asked", ["  Cancel W1001. \n", " \n "])
def test_every_way_to_cut_lies_within_the_request(asked: str) -> None:
    seen = scene(asked)
    ways = plain().ways(states(seen.text), seen)
    assert all(0 <= start < seen.request_end for starts, _ in ways for start in starts)
    assert len({starts for starts, _ in ways}) == len(ways)


def test_a_plan_that_does_not_come_to_its_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The step under way would be left out of it, and only what was answered count."""
    monkeypatch.setattr("bb_nn.builder.beam._LONGEST_CLAUSE", 3)
    tapped = states(SEEN.text)
    for ranked in (False, True):
        one = ending(copied(ranked), -99.0)
        assert one.build(tapped, SEEN) == one.likeliest(tapped, SEEN) == []
        assert apart(one, one, (tapped, tapped), SEEN) == FAR
