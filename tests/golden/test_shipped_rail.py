"""The rail that api_json ships: it is of this very domain, whole, and small enough."""

import json
from pathlib import Path

import pytest

from bb_core import discover
from bb_core.canonical import digest
from bb_core.compiled import compile_domain
from bb_core.shipped import shipped
from bb_train.alpha_lift import Gate
from bb_train.card import card

LIMIT = 12_000_000
COMPILED = compile_domain(discover().get("api_json"))


@pytest.fixture(scope="module")
def folder() -> Path:
    found = shipped(COMPILED.source)
    assert found is not None
    return found


def test_it_is_of_this_version_of_the_domain(folder: Path) -> None:
    record = json.loads((folder / "rail.json").read_bytes())
    again = "train it again: bb train builderbrain-plugins/api_json/train/rail.toml"
    assert record["domain"]["digest"] == COMPILED.digest, again


def test_it_is_whole_and_small(folder: Path) -> None:
    record = json.loads((folder / "rail.json").read_bytes())
    weights = (folder / "rail.safetensors").read_bytes()
    assert digest(weights) == record["weights"]
    assert sum(f.stat().st_size for f in folder.iterdir()) <= LIMIT


def test_its_record_says_what_was_measured(folder: Path) -> None:
    record = json.loads((folder / "rail.json").read_bytes())
    last = record["lifts"][-1]
    assert last["passed"] and 0 < record["alpha"] == last["tried"] == last["after"] <= 1
    level = Gate().level / len(Gate().tries)
    assert max(last["p_win"], last["p_worse"]) < level
    assert record["metrics"]["dev"]["all"]["n"] >= 100
    assert (folder / "card.md").read_text(encoding="utf-8") == card(record)
    assert (folder / "training.jsonl").is_file()
