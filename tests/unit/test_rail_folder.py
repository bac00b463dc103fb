"""A rail's folder that is not what was written is refused in words, wherever it is broken."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from bb_core.canonical import digest
from bb_nn.builder.builder import PlanBuilder
from bb_nn.builder.config import BuilderConfig
from bb_nn.builder.option_head import FEATURES, KNOWN
from bb_nn.builder.rail_folder import RECORD, WEIGHTS, load_rail, read_record, save_rail
from bb_nn.errors import RailError
from tests.unit.tiny_rail import base, builder, shop

torch.set_num_threads(1)
SHAPE = BuilderConfig((1, 2), 64, width=16, heads=2).to_json()


def test_a_configuration_is_read_back() -> None:
    assert BuilderConfig.from_json(SHAPE) == BuilderConfig((1, 2), 64, width=16, heads=2)
    assert BuilderConfig.from_json({**SHAPE, "dropout": 0}).dropout == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"width": 0},
        {"width": -1},
        {"width": "x"},
        {"width": None},
        {"width": 16.0},
        {"width": 10**9},
        {"width": 18},
        {"base_width": 0},
        {"heads": 0},
        {"heads": True},
        {"blocks": 10**6},
        {"span": 0},
        {"dropout": 1e308},
        {"dropout": float("nan")},
        {"segmented": 1},
        {"segmented": "yes"},
        {"segmenter": 7},
        {"rank": 0},
        {"layers": []},
        {"layers": ["x"]},
        {"layers": [-1]},
        {"layers": [True]},
        {"layers": 3},
        {"depth": 2},
    ],
)
def test_a_shape_no_builder_can_have_is_refused(changed: Mapping[str, Any]) -> None:
    with pytest.raises(RailError, match="not a builder's configuration"):
        BuilderConfig.from_json({**SHAPE, **changed})


def test_a_folder_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    save_rail(tmp_path, builder(), base())
    assert load_rail(tmp_path, base(), shop()).config == builder().config
    record = json.loads((tmp_path / RECORD).read_bytes())
    data = (tmp_path / WEIGHTS).read_bytes()
    for cut in (data[:1000], b""):
        (tmp_path / WEIGHTS).write_bytes(cut)
        (tmp_path / RECORD).write_text(json.dumps({**record, "weights": digest(cut)}))
        with pytest.raises(RailError, match=r"not whole .*Train it again"):
            load_rail(tmp_path, base(), shop())
    (tmp_path / WEIGHTS).write_bytes(data)
    (tmp_path / RECORD).write_text(json.dumps({**record, "config": {**SHAPE, "width": 0}}))
    with pytest.raises(RailError, match="'width' is 0"):
        load_rail(tmp_path, base(), shop())
    (tmp_path / RECORD).write_text("[" * 100_000)
    with pytest.raises(RailError, match="not a rail"):
        read_record(tmp_path)


def test_a_builder_knows_of_words_only_if_it_is_told_to(tmp_path: Path) -> None:
    plain = builder()
    rich = PlanBuilder(replace(plain.config, strangers=0.3), plain.space, plain.described)
    sizes = [one.network.head.features.weight.shape[1] for one in (plain, rich)]
    assert sizes == [KNOWN, FEATURES]
    save_rail(tmp_path, rich, base())
    assert load_rail(tmp_path, base(), shop()).config.strangers == 0.3
    old = {name: value for name, value in plain.config.to_json().items() if name != "strangers"}
    assert BuilderConfig.from_json(old) == plain.config


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 1e6])
def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path: Path, number: float) -> None:
    """1e6 is a number, and none in float16, which is what a rail is written in."""
    one = builder()
    name, tensor = list(one.named_parameters())[3]
    tensor.view(-1)[-1] = number
    save_rail(tmp_path, one, base())
    with pytest.raises(RailError) as error:
        load_rail(tmp_path, base(), shop())
    assert str(error.value).startswith(f"{tmp_path}: the weights {name!r} hold a number that is ")
    assert str(error.value).endswith("Train it again: bb train")
