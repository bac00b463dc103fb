"""A rail's card says what its record says, and nothing that was not measured."""

from copy import deepcopy
from typing import Any

import pytest

pytest.importorskip("torch")

from bb_train.card import card

ROW = {"n": 4, "right": [1, 0.5, 1], "exact": [1, 0.5, 1], "acted_wrongly": [0, 0, 0.5], "ged": 0.0}
LIFT = {"tried": 1.0, "after": 1.0, "passed": True}
RECORD: dict[str, Any] = {
    "parameters": 5_670_000,
    "base": {"name": "tiny", "digest": "sha256:b"},
    "domain": {"name": "shop", "digest": "sha256:d"},
    "config": {"layers": [1, 2]},
    "weights": "sha256:w",
    "dtype": "float16",
    "bytes": 12_000,
    "alpha": 1.0,
    "lifts": [LIFT],
    "made_from": {"warm_start": ""},
    "metrics": {"dev": {"indist": ROW, "phrase": ROW, "all": ROW}},
    "trained": {
        "steps": 6,
        "seconds": 7,
        "seed": 0,
        "examples": 4000,
        "data": "sha256:e",
        "config": {"data": {"train_file": "", "dev_file": ""}, "measure": {"alpha": 0.05}},
    },
}
OWN, ELSE = "own battery and skins", "that its configuration names"


def changed(*path: str, to: Any) -> str:
    """The card of the record with something else at a path."""
    record = place = deepcopy(RECORD)
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return card(record)


def test_generated_and_judged() -> None:
    found = card(RECORD)
    assert "- data: 4,000 generated examples, sha256:e" in found and OWN in found
    assert "shown by the family `phrase` alone" in found
    assert "- alpha allowed by the paired test: 1\n" in found
    assert "| phrase | 4 | 1.000 [0.500, 1.000] |" in found


def test_examples_of_a_file_are_not_called_generated() -> None:
    found = changed("trained", "config", "data", "train_file", to="mine.jsonl")
    assert "- data: 4,000 examples of a file, sha256:e" in found
    assert ELSE in found and OWN not in found and "generated" not in found
    assert "not on people's own words" not in found


def test_figures_of_a_file_are_not_said_to_be_of_held_out_phrases() -> None:
    found = changed("trained", "config", "data", "dev_file", to="mine.jsonl")
    assert OWN in found and "`phrase` alone" not in found and "dev file" in found


@pytest.mark.parametrize("metrics", [{"dev": {"indist": ROW, "all": ROW}}, {}])
def test_without_the_family_nothing_is_said_to_show_it(metrics: Any) -> None:
    found = changed("metrics", to=metrics)
    assert "`phrase` alone" not in found and "was not measured" in found
    assert ("No task was measured." in found) == (not metrics)
    assert ("Share of tasks" in found) == bool(metrics)


def test_an_alpha_that_no_test_allowed_is_not_said_to_be() -> None:
    unjudged = changed("lifts", to=[])
    assert "- alpha: 1, which no test has judged\n" in unjudged
    refused = changed("lifts", to=[{**LIFT, "passed": False, "after": 0.025}])
    assert "- alpha: 1, halved: the paired test allowed none that was tried (1)\n" in refused
    assert "allowed by the paired test" not in unjudged + refused


def test_what_it_began_with_and_was_never_shown_is_said() -> None:
    assert "warm start" not in card(RECORD) and "nothing showed it" not in card(RECORD)
    warm = changed("made_from", "warm_start", to="sha256:before")
    assert "- warm start: it began with the weights sha256:before of an earlier rail\n" in warm
    record = deepcopy(RECORD)
    record["trained"]["unshown"] = ["recall", "ship"]
    assert "- tools that nothing showed it: recall, ship\n" in card(record)
    record["config"]["strangers"] = 0.3
    assert "showed it: recall, ship; they are told as strangers\n" in card(record)
