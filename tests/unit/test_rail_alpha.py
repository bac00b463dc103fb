"""A rail whose record says no alpha was never judged, and nobody takes it for one that was."""

import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("model_signing")

from bb_infra.config import Rail
from bb_infra.planners import Planners, with_rail
from bb_infra.versions import Serving, add
from bb_nn.builder.rail_facts import allowed_alpha, base_json
from bb_nn.builder.rail_folder import save_rail
from bb_nn.errors import RailError
from bb_runtime.planner import ModelPlanner
from bb_safety import Registry
from tests.unit.tiny_rail import base, builder, shop


@pytest.mark.parametrize("alpha", [None, "1", math.nan, True, -0.1, 1.1, [1]])
def test_an_alpha_that_is_none_is_refused(alpha: Any) -> None:
    with pytest.raises(RailError, match="the end of its training was not reached"):
        allowed_alpha({"alpha": alpha}, "rail")


@pytest.mark.parametrize("alpha", [0, 0.525, 1])
def test_an_alpha_is_what_it_says(alpha: float) -> None:
    assert allowed_alpha({"alpha": alpha}, "rail") == alpha


def test_a_rail_without_alpha_neither_serves_nor_becomes_a_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "rail"
    save_rail(folder, builder(), base())
    alone = Planners(ModelPlanner(base(), shop()))
    with pytest.raises(RailError, match=r"rail: it has no alpha.* bb train"):
        with_rail(alone, shop(), Serving(folder, named=True), Rail())
    assert with_rail(alone, shop(), Serving(folder), Rail()) is alone
    assert "the base plans alone" in capsys.readouterr().out
    with pytest.raises(RailError, match=r"rail: it has no alpha"):
        add(Registry(tmp_path / "registry"), folder)
    save_rail(folder, builder(), base(), {"alpha": 0.5})
    beside = with_rail(alone, shop(), Serving(folder, named=True), Rail())
    assert beside.builder is not None and beside.builder.alpha == 0.5
    assert "judged beside" not in capsys.readouterr().out


@pytest.mark.parametrize(("dtype", "said"), [("bfloat16", 1), ("float32", 0)])
def test_a_rail_judged_beside_a_base_in_another_type_is_served_with_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dtype: str, said: int
) -> None:
    more = {"base": base_json(base()) | {"dtype": dtype}, "alpha": 1.0}
    save_rail(tmp_path, builder(), base(), more)
    alone = Planners(ModelPlanner(base(), shop()))
    assert with_rail(alone, shop(), Serving(tmp_path, named=True), Rail()).builder is not None
    told = "judged beside a base in bfloat16, this one is in float32: it may do worse"
    assert capsys.readouterr().out.count(told) == said
