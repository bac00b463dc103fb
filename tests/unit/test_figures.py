"""Whole numbers that nobody gave a reader: written in figures, and others in each example."""

from random import Random
from typing import Any

import pytest

from bb_core.battery import Task
from bb_core.compiled import compile_domain
from bb_core.reading import spans as read_spans
from bb_train.data.blanks import Blank, blanks_of, unclear
from bb_train.data.figures import CLOSE_TRIES, drawn, drawn_near
from bb_train.data.fresh import Values
from bb_train.data.generator import Generator
from bb_train.data.generator_config import GeneratorConfig
from bb_train.data.shares import share_of_value
from bb_train.data.spelling import spans, spellings
from bb_train.example import Example
from tests.unit.shelf import SCHEMA, ShelfSource, shelf, take

HOURS = {"type": "integer", "minimum": 0, "maximum": 40}
OFFSET = {"type": "integer", "minimum": -5000, "maximum": 5000, "x-type": "Millimetres"}
SCORE = {"type": ["integer", "null"], "exclusiveMinimum": 2, "multipleOf": 3}
LARGE = {"type": "integer", "minimum": 10**7}


@pytest.mark.parametrize("schema", [HOURS, OFFSET, SCORE, LARGE])
def test_a_figure_keeps_to_its_type_and_reads_back(schema: dict[str, Any]) -> None:
    blank, rng = Blank("int", "n", schema, 10**7 if schema is LARGE else 3), Random(0)
    found = {Values().fresh(blank, rng, "train") for _ in range(60)}
    assert len(found) > 12
    for value in found:
        assert share_of_value("int", value) == "train"
        (text,) = spellings(schema, value)
        assert [span.value for span in read_spans(schema, f"log {text}, please")] == [value]
        assert list(spans(schema, value, f"log {text}, please")) == [(4, 4 + len(text))]


def test_a_figure_may_be_nothing_and_below() -> None:
    rng = Random(0)
    assert {drawn(HOURS, 3, rng) for _ in range(600)} == set(range(41))
    assert any(drawn(OFFSET, 3, rng) < 0 for _ in range(20))


@pytest.mark.parametrize("value", [-7, 0, 1, 3, 20])
def test_a_near_figure_is_no_further_from_nothing_nor_much_closer(value: int) -> None:
    rng = Random(0)
    assert {drawn_near(HOURS, value, rng, 0) for _ in range(99)} == {
        n for n in range(-7, 21) if min(value // 2, value) <= n <= max(value // 2, value)
    }


def test_a_near_figure_becomes_any_with_the_tries() -> None:
    rng = Random(0)
    sizes = [
        max(drawn_near(OFFSET, 3, rng, tried) for _ in range(99))
        for tried in (0, CLOSE_TRIES, 2 * CLOSE_TRIES)
    ]
    assert sizes[:2] == [3, 10] and sizes[2] > 1000


def test_a_figure_is_none_of_another_number_and_no_word_is_one() -> None:
    for text in ("2.5 of i2", "2,500", "two", "W2", "x-2"):
        assert list(spans(HOURS, 2, text)) == []
    assert list(spans(HOURS, 2500, "2,500")) == []  # more than there are


def asked(examples: list[Example]) -> list[tuple[int, str]]:
    return [
        (step.args["many"], each.scene.request)
        for each in examples
        for step in each.plan.steps
        if step.tool == "take"
    ]


def test_numbers_vary_in_training_and_stay_in_their_share() -> None:
    generator = Generator(shelf().compiled)
    found = asked(list(generator.examples(GeneratorConfig(60))))
    assert len({many for many, _ in found}) > 20
    for many, request in found:
        assert str(many) in request and 100 <= many <= 999
        assert share_of_value("Many", many) == "train"


def test_numbers_that_are_carried_out_are_possible_and_of_their_share() -> None:
    config = GeneratorConfig(15, split="dev", family="values", elsewhere=0.0)
    found = asked(list(Generator(shelf().compiled).examples(config)))
    assert len({many for many, _ in found}) > 4
    assert {share_of_value("Many", many) for many, _ in found} == {"dev"}


BOXES = {**SCHEMA["tools"]["take"]["args"], "boxes": HOURS, "floor": HOURS}
TWICE = {
    **SCHEMA,
    "tools": {**SCHEMA["tools"], "take": {**SCHEMA["tools"]["take"], "args": BOXES}},
}


@pytest.mark.parametrize(("boxes", "floor", "kept"), [(2, 2, {"2"}), (2, 3, set())])
def test_a_figure_of_two_meanings_stays(boxes: int, floor: int, kept: set[str]) -> None:
    plan = take(200)
    plan["steps"][1]["args"] |= {"boxes": boxes, "floor": floor}
    task = Task("take", f"Take 200 of i001 in {boxes} boxes.", (plan,))
    compiled = compile_domain(ShelfSource("shelf", TWICE, battery=(task,)))
    steps = compiled.read(plan).steps
    assert unclear(compiled.schema, steps) == kept
    (made,) = Generator(compiled).requests.templates
    said = {made.blanks[piece].value for piece in made.pieces if isinstance(piece, int)}
    assert said == {200, "i001"} | ({2} - set(map(int, kept)))
    assert len(blanks_of(compiled.schema, steps)) == (3 if kept else 4)


@pytest.mark.parametrize(("least", "kept"), [(200, {"200"}), (300, set())])
def test_a_condition_is_no_argument_of_the_same_figure(least: int, kept: set[str]) -> None:
    plan = take(200)
    plan["steps"][1]["when"] = {"ref": "n1/count", "op": ">=", "value": least}
    task = Task("take", f"If there are {least} of i001 or more, take 200.", (plan,))
    generator = Generator(compile_domain(ShelfSource("shelf", battery=(task,), schema=SCHEMA)))
    steps = generator.compiled.read(plan).steps
    assert unclear(generator.compiled.schema, steps) == kept
    examples = list(generator.examples(GeneratorConfig(9, elsewhere=0.0)))
    last = [each.plan.steps[-1] for each in examples]
    assert (len({step.when.value for step in last if step.when}) > 1) == (not kept)
    for each, step in zip(examples, last, strict=True):
        assert step.when and f"are {step.when.value} of" in each.scene.request
        assert f"take {step.args['many']}." in each.scene.request
