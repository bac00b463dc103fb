"""What examples leave out is told: tools nobody calls, what never varies, what was dropped."""

import json
from pathlib import Path
from typing import Any

import pytest

from bb_core.battery import Task
from bb_core.compiled import Compiled, compile_domain
from bb_train.config import Data
from bb_train.corpus import corpus
from bb_train.data.coverage import ENOUGH, unshown, unvaried
from bb_train.data.generator import Generator
from bb_train.data.generator_config import GeneratorConfig
from tests.unit.shelf import COUNTED, LOOK, SCHEMA, TAKE, ShelfSource, take

WORDS = Task("take", "Take two hundred of i001.", (take(200),), {"/i001/count": 300})


def compiled(*tasks: Task, **args: Any) -> Compiled:
    spec = SCHEMA["tools"]["take"]
    tools = {**SCHEMA["tools"], "take": {**spec, "args": {**spec["args"], **args}}}
    return compile_domain(ShelfSource("shelf", {**SCHEMA, "tools": tools}, battery=tasks))


def told(domain: Compiled, folder: Path, train: int = 24) -> list[str]:
    said = list[str]()
    data = Data(train=train, dev=1, families=("indist",))
    corpus(domain, data, 0, folder, said.append)
    return [line for line in said if not line.startswith("examples dev")]


def test_a_tool_whose_plans_no_decisions_make_is_told_with_the_reason(tmp_path: Path) -> None:
    lines = told(compiled(COUNTED, WORDS), tmp_path)
    assert lines[0] == "examples train-indist: 24 of 24"
    assert lines[1].startswith("examples train-indist: dropped ")
    assert " for 'inexpressible'" in lines[1]
    assert lines[2] == (
        "no example calls take: n2 take.many: nothing says 200. "
        "Say the value in the request, or learn it as a constant"
    )
    assert lines[3:] == []


def test_where_nothing_is_missing_nothing_is_told_but_what_was_dropped(tmp_path: Path) -> None:
    lines = told(compiled(COUNTED, TAKE), tmp_path)
    assert [line for line in lines if not line.startswith("examples ")] == []


def test_what_is_told_is_told_when_it_is_made(tmp_path: Path) -> None:
    domain = compiled(COUNTED, WORDS)
    told(domain, tmp_path)
    assert told(domain, tmp_path) == []


FAST = {"type": "string", "enum": ["fast", "slow"]}
FLOOR = {"type": "integer", "minimum": 0, "maximum": 9}
ONLY = {"type": "string", "const": "shelf"}
READER = {**FLOOR, "x-read": [{"text": "floor ([0-9])", "as": "{1}"}]}


@pytest.mark.parametrize(
    ("given", "value", "said"),
    [
        (FAST, "fast", "{} in all {} examples. Add tasks with its other values"),
        ({"type": "boolean"}, True, "{} in all {} examples. Add tasks with its other values"),
        (FLOOR, 3, "{} in all {} examples. Add x-read or tasks"),
        (READER, 3, "{} in all {} examples. Add tasks"),
        (ONLY, "shelf", ""),
    ],
)
def test_an_argument_of_one_value_is_told(given: dict[str, Any], value: Any, said: str) -> None:
    plan = take(200)
    plan["steps"][1]["args"]["how"] = value
    domain = compiled(Task("take", "Take 200 of i001, on floor 3.", (plan,)), how=given)
    (one,) = Generator(domain).examples(GeneratorConfig(1))
    found = [line for line in unvaried(domain, [one] * ENOUGH) if line.startswith("take.how")]
    made = json.dumps(one.plan.steps[1].args["how"])
    assert found == ([f"take.how is {said.format(made, ENOUGH)}"] if said else [])


def test_few_examples_tell_nothing_of_an_argument() -> None:
    domain = compiled(COUNTED)
    (one,) = Generator(domain).examples(GeneratorConfig(1))
    assert list(unvaried(domain, [one] * (ENOUGH - 1))) == []
    assert list(unvaried(domain, [one] * ENOUGH)) != []


def test_a_task_that_needs_what_is_left_out_is_left_out_too() -> None:
    both = Task("both", "Take 200 of i001.", (take(200), {"steps": [LOOK]}))
    domain = compiled(both)
    assert list(unshown(domain, [], ())) == ["look", "take"]
    assert list(unshown(domain, [], ("take",))) == []
    refused = compiled(Task("no", "Take 900 of i001.", (take(900),), expect="refuse"), COUNTED)
    assert list(unshown(refused, [], ())) == ["look"]
