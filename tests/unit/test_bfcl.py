"""BFCL's records as domains: what can be said is said and judged right, what cannot is left out."""

import gzip
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bb_core.actions import Inexpressible, assemble, decide
from bb_core.space import Space

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

bfcl = importlib.import_module("bfcl.domain")
text = importlib.import_module("bfcl.written_calls")

WEATHER = {
    "name": "Weather.getFor",
    "description": "The weather of a place.",
    "parameters": {
        "type": "dict",
        "required": ["place", "days"],
        "properties": {
            "place": {"type": "string", "description": "Where."},
            "days": {"type": "integer"},
            "unit": {"type": "string", "enum": ["metric", "imperial"]},
            "extra": {"type": "dict", "properties": {}},
        },
    },
}
NEEDS_AN_OBJECT = {
    "name": "send",
    "parameters": {"type": "dict", "required": ["body"], "properties": {"body": {"type": "dict"}}},
}


SUM = {
    "name": "sum",
    "parameters": {
        "type": "dict",
        "required": ["numbers"],
        "properties": {"numbers": {"type": "array", "items": {"type": "integer"}}},
    },
}
SAID = "Weather in new york for 3 days, metric please"


def made(
    folder: Path, answers: Any, functions: Sequence[Any] = (WEATHER,), said: str = SAID
) -> Any:
    """The only record of a pack of one."""
    row = {
        "id": "one",
        "category": "simple_python",
        "question": [[{"role": "user", "content": said}]],
        "function": list(functions),
        "possible_answer": answers,
    }
    with gzip.open(folder / "single_turn.dev.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    (found,) = bfcl.records(folder)
    return found


def called(**ways: Any) -> list[dict[str, Any]]:
    return [{"Weather.getFor": {"place": ["New York", "NY"], "days": [3], **ways}}]


@pytest.mark.parametrize("ways", [{"unit": ["metric", ""]}, {"unit": ["imperial", ""]}, {}])
def test_a_call_that_the_request_says_comes_back_and_is_right(tmp_path: Path, ways: Any) -> None:
    one = made(tmp_path, called(**ways))
    space = Space.of(bfcl.domain(one))
    taught = bfcl.example(space, one)
    assert taught is not None
    plan = assemble(space, taught.scene, decide(space, taught.scene, taught.plan, ()))
    ((name, args),) = bfcl.calls_of(one, plan)
    assert name == "Weather.getFor" and args["place"] == "new york" and args["days"] == 3
    assert bfcl.right(bfcl.calls_of(one, plan), one)


WRONG: list[list[tuple[str, dict[str, Any]]]] = [
    [],
    [("Weather.getFor", {"place": "Paris", "days": 3})],
    [("Weather.getFor", {"place": "new york"})],
    [("Weather.getFor", {"place": "new york", "days": 3, "unit": "imperial"})],
    [("Weather.getFor", {"place": "new york", "days": 3})] * 2,
    [("other", {"place": "new york", "days": 3})],
]


@pytest.mark.parametrize("calls", WRONG)
def test_another_call_is_wrong(tmp_path: Path, calls: Any) -> None:
    assert not bfcl.right(calls, made(tmp_path, called(unit=["metric", ""])))


def test_texts_are_alike_but_for_case_and_punctuation(tmp_path: Path) -> None:
    one = made(tmp_path, called())
    assert bfcl.right([("Weather.getFor", {"place": "new-york.", "days": 3.0})], one)
    assert not bfcl.right([("Weather.getFor", {"place": "new york", "days": True})], one)


def test_no_call_is_right_where_no_function_helps(tmp_path: Path) -> None:
    one = made(tmp_path, None)
    assert bfcl.right([], one) and not bfcl.right(
        [("Weather.getFor", {"place": "ny", "days": 3})], one
    )


@pytest.mark.parametrize(
    "answers",
    [
        [{"Weather.getFor": {"place": ["Boston"], "days": [3]}}],
        [{"Weather.getFor": {"place": ["NY", "New York"], "days": [4]}}],
        [{"Weather.getFor": {"place": ["New York"], "days": [3], "extra": [{"a": [1]}]}}],
    ],
)
def test_what_the_request_does_not_say_is_not_taught(tmp_path: Path, answers: Any) -> None:
    one = made(tmp_path, answers)
    assert bfcl.example(Space.of(bfcl.domain(one)), one) is None


def test_a_function_that_must_have_an_object_is_on_no_offer(tmp_path: Path) -> None:
    one = made(tmp_path, called(), [WEATHER, NEEDS_AN_OBJECT])
    assert [function.own for function in one.functions] == ["Weather.getFor"]
    assert one.named == ("Weather.getFor", "send")


@pytest.mark.parametrize("count", [bfcl.MOST, bfcl.MOST + 1])
def test_a_list_is_taught_if_the_tool_takes_as_many(tmp_path: Path, count: int) -> None:
    pytest.importorskip("torch")
    from bb_nn.builder.asker import Asker
    from bb_nn.builder.conditions import compared
    from bb_nn.builder.script import script
    from bb_nn.builder.words import words_of

    numbers = list(range(10, 10 + count))
    said = f"Add up {', '.join(map(str, numbers))}."
    one = made(tmp_path, [{"sum": {"numbers": [numbers]}}], [SUM], said)
    space = Space.of(bfcl.domain(one))
    taught = bfcl.example(space, one)
    rows = {word: row for row, word in enumerate(words_of(space))}
    asker = Asker(space, taught.scene, rows, compared(space))
    decisions = decide(space, taught.scene, taught.plan, ())
    if count <= bfcl.MOST:
        assert script(asker, decisions, (), segmented=False).actions
    else:
        with pytest.raises(Inexpressible, match="no option says"):
            script(asker, decisions, (), segmented=False)


@pytest.mark.parametrize(
    ("answers", "written"),
    [
        (called(), "}"),
        (called(unit=["", "metric"]), ', "unit": "metric"}'),
        (called(unit=["", "imperial"]), "}"),
        (called(extra=[{"a": [1, 2], "b": ["", 7]}]), ', "extra": {"a": 1}}'),
        (called(extra=[[{"a": [1]}]]), ', "extra": [{"a": 1}]}'),
    ],
)
def test_a_call_is_written_with_what_the_request_says_of_what_may_be_left_out(
    tmp_path: Path, answers: Any, written: str
) -> None:
    one = made(tmp_path, answers)
    target = text.target(one)
    assert target == 'Weather.getFor {"place": "New York", "days": 3' + written
    assert bfcl.right(text.calls(target), one)


@pytest.mark.parametrize("answers", [called() * 2, called(days=["", 30]), None])
def test_calls_written_as_text_are_read_and_right(tmp_path: Path, answers: Any) -> None:
    one = made(tmp_path, answers)
    found = text.calls(text.target(one))
    assert len(found) == len(one.wanted) and bfcl.right(found, one)


@pytest.mark.parametrize(
    "written",
    ["", "none", "Weather.getFor", "Weather.getFor [1]", 'Weather.getFor {"place": "New', "None"],
)
def test_a_text_that_is_no_call_is_wrong_where_one_is_wanted(tmp_path: Path, written: str) -> None:
    assert not bfcl.right(text.calls(written), made(tmp_path, called()))
    assert bfcl.right(text.calls(written), made(tmp_path, None)) is (written == "none")


def test_an_object_is_right_in_any_of_the_ways_of_each_key(tmp_path: Path) -> None:
    one = made(tmp_path, called(extra=[{"a": [1, 2], "b": ["", 7]}]))
    for extra, right in ({"a": 2}, True), ({"a": 1, "b": 7}, True), ({"a": 3}, False), ({}, False):
        args = {"place": "NY", "days": 3, "extra": extra}
        assert bfcl.right([("Weather.getFor", args)], one) is right


def test_every_function_on_offer_is_shown_before_the_request(tmp_path: Path) -> None:
    shown = text.offer(made(tmp_path, called(), [WEATHER, NEEDS_AN_OBJECT])).split("\n")
    assert shown == [
        "Weather.getFor(place: string, days: integer, unit: metric | imperial, extra: dict): "
        "The weather of a place.",
        "send(body: dict): ",
        SAID,
    ]


def test_a_share_of_all_calls_leaves_out_the_records_that_ask_for_none() -> None:
    """The overlap of words always calls something: that it is wrong there says nothing of calls."""
    pytest.importorskip("torch")
    run = importlib.import_module("bfcl.run")
    groups = ("simple", "multiple", "parallel", "nothing")
    found = [bfcl.Record(group, group, "", ({"name": "f"},), (), ()) for group in groups]
    shares = dict(run.split(found, [True, False, False, True]))
    assert shares["calls"] == [True, False, False]
    assert shares["all"] == [True, False, False, True]
