"""What a rule pins stays as the battery has it; all else still varies."""

from pathlib import Path
from typing import Any

import pytest

from bb_core import discover
from bb_core.compiled import Compiled, compile_domain
from bb_train.config import Data
from bb_train.corpus import corpus
from bb_train.data.coverage import shown
from bb_train.data.generator import Generator
from bb_train.data.generator_config import GeneratorConfig
from tests.unit.shelf import COUNTED, TAKE, ShelfSource, changed

ENOUGH = {"id": "enough", "expr": "args.many <= item.count", "says": "enough"}


def pinning(expr: str) -> Compiled:
    guards = [ENOUGH, {"id": "only", "expr": expr, "says": "only that"}]
    schema = changed("take", guards=guards)
    return compile_domain(ShelfSource("shelf", schema, battery=(TAKE, COUNTED)))


def drawn(domain: Compiled, **asked: Any) -> tuple[Generator, dict[str, set[Any]]]:
    """What the arguments of `take` were, and how often its plans were refused."""
    made, found = Generator(domain), {"item": set[Any](), "many": set[Any](), "look": set[Any]()}
    for one in made.examples(GeneratorConfig(40, **asked)):
        for step in one.plan.steps:
            if step.tool == "take":
                found["item"].add(step.args["item"])
                found["many"].add(step.args["many"])
            elif len(one.plan.steps) == 1:
                found["look"].add(step.args["item"])
    return made, found


def test_a_value_that_a_guard_names_stays_and_others_vary() -> None:
    made, found = drawn(pinning("args.item == 'i001'"))
    assert found["item"] == {"i001"} and len(found["many"]) > 5 and len(found["look"]) > 5
    assert not made.dropped["policy"] and made.requests.pinned_values == {("Item", "i001")}


def test_a_bound_pins_nothing() -> None:
    made, found = drawn(pinning("args.many < 900"))
    assert not made.requests.pinned_values and len(found["item"]) > 5
    assert max(found["many"]) < 900


def test_where_no_rule_pins_looking_for_one_changes_no_draw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    domain = pinning("args.many < 900")
    found = drawn(domain)[1]
    monkeypatch.setattr("bb_train.data.request.pinned", lambda *given: frozenset())
    assert drawn(domain)[1] == found


def test_nobody_is_asked_to_vary_what_a_rule_pins(tmp_path: Path) -> None:
    said: list[str] = []
    data = Data(train=40, dev=1, families=("indist",))
    corpus(pinning("args.item == 'i001'"), data, 0, tmp_path, said.append)
    assert not [line for line in said if not line.startswith("examples ")]


@pytest.mark.parametrize("tool", ["drop", "handover"])
def test_robots_learn_what_is_done_at_one_place_alone(tool: str) -> None:
    robots = compile_domain(discover().get("robots"))
    assert tool in shown(Generator(robots).examples(GeneratorConfig(200)))
