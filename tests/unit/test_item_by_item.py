"""Arms of different runs are compared item by item, and only on the very same items."""

import importlib
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

item_by_item = importlib.import_module("item_by_item")
evidence = importlib.import_module("evidence")
hits, paired = item_by_item.hits, item_by_item.paired
ITEMS = [f"i{number}" for number in range(8)]
WON, LOST = [True] * 7 + [False], [False] * 7 + [True]


def test_the_builder_is_compared_with_each_lora_of_its_part() -> None:
    rows = {
        "builder, new, seed 0": hits(ITEMS, WON),
        "builder, seen, seed 0": hits(ITEMS, LOST),
        "embeddings, new, seed 0": hits(ITEMS, WON),
        "lora, new, seed 0": hits(ITEMS, LOST),
        "lora, new, seed 1": hits(ITEMS, WON),
    }
    assert paired(rows) == {
        "builder, new, seed 0 against lora, seed 0": {"right alone": "7:1, p 0.035"},
        "builder, new, seed 0 against lora, seed 1": {"right alone": "0:0, p 1"},
    }


def test_other_items_or_another_order_are_never_compared() -> None:
    for items in (ITEMS[::-1], [*ITEMS[:-1], "other"]):
        rows = {"builder, seed 0": hits(ITEMS, WON), "lora, seed 0": hits(items, LOST)}
        assert paired(rows) == {}


def test_runs_of_their_own_meet_on_the_page() -> None:
    line = {"script": "x.py", "passed": True, "recipe": "r", "machine": "m"}
    rows = {"builder, seed 1": hits(ITEMS, WON), "lora, seed 0": hits(ITEMS, LOST)}
    lines = [
        line
        | {"name": "x", "seeds": [int(row[-1])], "arms": {row: {"exact": 1.0}}, "hits": {row: one}}
        for row, one in rows.items()
    ]
    page = evidence.section("x", lines)
    assert "| builder, seed 1 against lora, seed 0 | 7:1, p 0.035 |" in page
    assert rows["builder, seed 1"] not in page
