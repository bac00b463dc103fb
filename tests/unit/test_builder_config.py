"""The shape of a builder: one that none can have is refused wherever it is made."""

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("torch")

from bb_nn.builder.config import BuilderConfig
from bb_nn.errors import RailError

PLAIN = BuilderConfig((1, 2), 64, width=16, heads=2)


@pytest.mark.parametrize(
    "changed",
    [
        {"width": 30},
        {"width": "x"},
        {"heads": 0},
        {"dropout": float("nan")},
        {"segmenter": 4},
        {"layers": ()},
        {"layers": 3},
        {"ranked": 1},
    ],
)
def test_a_shape_no_builder_can_have_is_not_made(changed: dict[str, Any]) -> None:
    (name,) = changed
    with pytest.raises(RailError, match=f"^BuilderConfig: {name!r} "):
        replace(PLAIN, **changed)
    with pytest.raises(RailError, match=r"^rail\.json: not a builder's configuration: "):
        BuilderConfig.from_json({**PLAIN.to_json(), **changed})
    assert BuilderConfig.from_json(PLAIN.to_json()) == PLAIN
