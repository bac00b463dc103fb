"""A warm start: what an earlier rail learnt goes over, each adapter to the tool of its name."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from bb_core.schema import PlanSchema
from bb_core.space import Space
from bb_nn.base import load_base
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.rail_folder import RECORD, WEIGHTS, save_rail
from bb_nn.builder.warm_start import warm_start
from bb_nn.builder.words import plain_words
from bb_nn.errors import BaseMismatchError, RailError
from tests.unit.tiny_rail import base, builder, made, shop, states

torch.set_num_threads(1)
NEW = "recall_items"


def shaped(seed: int = 1, space: Space | None = None, **other: Any) -> PlanBuilder:
    """A builder with adapters, no two of whose numbers are alike."""
    torch.manual_seed(seed)
    shape = replace(builder().config, **{"skills": 20, "rank": 2, **other})
    made = PlanBuilder.of(shape, space or Space.of(shop()), base())
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return made.eval().requires_grad_(False)


def later(name: str = NEW) -> Space:
    """A version of the shop with its tools in another order, one renamed, one told otherwise."""
    schema = shop().schema
    tools = dict(reversed(schema.tools.items()))
    tools["get_order"] = tools["get_order"].model_copy(update={"does": "Look an order up."})
    tools[name] = tools.pop("return_items")
    told = {name: getattr(schema, name) for name in PlanSchema.model_fields}
    own = PlanSchema.model_construct(**{**told, "tools": tools})
    return Space.of(replace(shop(), schema=own, digest="sha256:later"))


def halved(tensor: Tensor) -> Tensor:
    """As it is written in a rail."""
    return tensor.half().float()


def adapters(one: PlanBuilder, tool: str) -> list[Tensor]:
    place = one.space.plain_of[tool]
    banks = (block.bank for block in one.network.decoder.blocks)
    return [tensor for bank in banks for tensor in bank.tensors(place).values()]


def assert_alike(found: list[Tensor], wanted: list[Tensor]) -> None:
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


def test_all_but_the_adapters_goes_over_and_each_adapter_to_its_tool(tmp_path: Path) -> None:
    earlier = shaped()
    record = save_rail(tmp_path, earlier, base())
    new, before = shaped(2, later()), shaped(2, later())
    begun = warm_start(new, tmp_path, base())
    assert (begun.domain, begun.weights) == ("api_json", record["weights"])
    assert set(begun.kept) == set(begun.known) == set(shop().schema.tools) - {"return_items"}
    theirs = earlier.state_dict()
    for name, tensor in new.state_dict().items():
        if ".bank." not in name:
            assert torch.equal(tensor, halved(theirs[name])), name
    for tool in new.space.schema.tools:
        kept = [halved(one) for one in adapters(earlier, tool)] if tool != NEW else []
        assert_alike(adapters(new, tool), kept or adapters(before, tool))
    assert torch.equal(new.network.words, before.network.words)


def test_a_bank_may_grow_shrink_or_be_missing(tmp_path: Path) -> None:
    earlier = shaped()
    save_rail(tmp_path, earlier, base())
    for rows in (0, 3, 40):
        new = shaped(2, skills=rows)
        assert len(warm_start(new, tmp_path, base()).kept) == len(shop().schema.tools)
        assert torch.equal(new.network.mark.weight, halved(earlier.network.mark.weight))
    save_rail(tmp_path, shaped(skills=0), base())
    new, before = shaped(2), shaped(2)
    warm_start(new, tmp_path, base())
    for found, wanted in zip(
        adapters(new, "get_order"), adapters(before, "get_order"), strict=True
    ):
        assert torch.equal(found, wanted)


def test_strangers_may_come_in_and_change_nothing_yet(tmp_path: Path) -> None:
    own = made()[0]
    save_rail(tmp_path, shaped(), base())
    rich, plain = shaped(2, strangers=0.3), shaped(2)
    for one in (rich, plain):
        warm_start(one, tmp_path, base())
    found, wanted = (one.build(states(own.scene.text), own.scene, 1) for one in (rich, plain))
    assert found and found == wanted


def test_what_was_learnt_of_strangers_is_kept_or_the_start_is_refused(tmp_path: Path) -> None:
    earlier = shaped(strangers=0.3)
    save_rail(tmp_path, earlier, base())
    new = shaped(2, strangers=0.5)
    warm_start(new, tmp_path, base())
    assert torch.equal(
        new.network.head.features.weight, halved(earlier.network.head.features.weight)
    )
    with pytest.raises(RailError, match=r"it has strangers 0\.3; asked for is strangers 0\.0"):
        warm_start(shaped(2), tmp_path, base())


def test_a_tool_is_known_if_something_showed_it_to_the_rail(tmp_path: Path) -> None:
    save_rail(tmp_path, shaped(), base(), {"trained": {"unshown": ["handoff", "gone"]}})
    begun = warm_start(shaped(2), tmp_path, base())
    assert set(begun.kept) - set(begun.known) == {"handoff"}
    for trained in ([], None, {"unshown": [["handoff"], None]}, {}):
        save_rail(tmp_path, shaped(), base(), {"trained": trained})
        begun = warm_start(shaped(2), tmp_path, base())
        assert begun.kept == begun.known


@pytest.mark.parametrize("name", ["wallet", "all_in_the_result_of_get_order", "order_id"])
def test_a_new_tool_is_no_choice_argument_or_result_of_before(name: str, tmp_path: Path) -> None:
    save_rail(tmp_path, shaped(), base())
    assert any(text.startswith(plain_words(name)) for text in shaped().described.texts)
    assert name not in warm_start(shaped(2, later(name)), tmp_path, base()).kept


def test_another_domains_tools_of_the_same_name_are_others(tmp_path: Path) -> None:
    save_rail(tmp_path, shaped(), base())
    path = tmp_path / RECORD
    record = json.loads(path.read_bytes())
    record["domain"]["name"] = "warehouse"
    path.write_text(json.dumps(record))
    new, before = shaped(2), shaped(2)
    begun = warm_start(new, tmp_path, base())
    assert (begun.domain, begun.kept, begun.known) == ("warehouse", (), ())
    for found, wanted in zip(
        adapters(new, "get_order"), adapters(before, "get_order"), strict=True
    ):
        assert torch.equal(found, wanted)


def test_the_ranker_and_what_was_learnt_while_it_served_stay_behind(tmp_path: Path) -> None:
    save_rail(tmp_path, shaped(common=True, reading=True, ranked=True), base())
    new = shaped(2, ranked=True)
    assert new.ranker is not None
    new.ranker.weights.fill_(7.0)
    warm_start(new, tmp_path, base())
    assert new.ranker.weights.eq(7.0).all()


def test_what_does_not_fit_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    save_rail(tmp_path, shaped(), base())
    whole = (tmp_path / WEIGHTS).read_bytes()
    for other, told in (
        ({"width": 32}, "it has width 16; asked for is width 32. Set [builder] and [base]"),
        ({"rank": 4, "blocks": 2}, "it has blocks 1, rank 2; asked for is blocks 2, rank 4"),
    ):
        with pytest.raises(RailError) as error:
            warm_start(shaped(2, **other), tmp_path, base())
        assert told in str(error.value) and str(tmp_path) in str(error.value)
    with pytest.raises(BaseMismatchError, match="made for random:llama"):
        warm_start(shaped(2), tmp_path, load_base("random:llama", torch.float32, seed=1))
    with pytest.raises(RailError, match="not a rail"):
        warm_start(shaped(2), tmp_path / "nowhere", base())
    new, before = shaped(2), shaped(2)
    for data in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:100]):
        (tmp_path / WEIGHTS).write_bytes(data)
        with pytest.raises(RailError, match="not those recorded"):
            warm_start(new, tmp_path, base())
    assert_alike([*new.state_dict().values()], [*before.state_dict().values()])


def test_a_record_that_says_what_its_weights_are_not_changes_nothing(tmp_path: Path) -> None:
    save_rail(tmp_path, shaped(width=32), base())
    path = tmp_path / RECORD
    record = json.loads(path.read_bytes())
    record["config"]["width"] = 16
    new, before = shaped(2), shaped(2)
    for changed, told in (
        ({}, "not whole"),
        ({"words": None}, "not whole"),
        ({"words": [1, None]}, "not whole"),
        ({"domain": []}, "not whole"),
        ({"base": {}}, "not whole"),
        ({"config": {**record["config"], "width": 32}}, "it has width 32"),
        ({"trained": {"unshown": 5}}, "not whole"),
    ):
        path.write_text(json.dumps({**record, **changed}))
        with pytest.raises(RailError, match=told):
            warm_start(new, tmp_path, base())
    assert_alike([*new.state_dict().values()], [*before.state_dict().values()])
