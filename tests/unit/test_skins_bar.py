"""What skins cost plain tasks is bounded by a test, not by that no loss was found."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

skins = importlib.import_module("skins")


def tried(plain: list[bool], dressed: list[bool]) -> Any:
    return skins.Tried({("plain", "indist"): plain, ("in a skin", "indist"): dressed}, 1.0)


@pytest.mark.parametrize(
    ("plain", "passed"),
    [
        (([True] * 10, [True] * 10), False),
        (([True, False] * 30, [False, True] * 30), False),
        (([True] * 300, [True] * 300), True),
        (([True] * 300, [True] * 290 + [False] * 10), True),
        (([True] * 270 + [False] * 30, [True] * 300), False),
    ],
    ids=["few", "noise", "the same", "better", "worse"],
)
def test_no_loss_has_to_be_shown(plain: tuple[list[bool], list[bool]], passed: bool) -> None:
    on, off = plain
    found = {
        "with skins": tried(on, [True] * 20),
        "without skins": tried(off, [False] * 20),
    }
    assert skins.verdicts(found)[0] is passed
