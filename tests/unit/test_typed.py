"""Typed languages: values of a schema, and the next step of a plan."""

import json
from random import Random
from typing import Any

import jsonschema_rs
import pytest

from bb_core.automaton import Automaton
from bb_core.compiled import compile_domain
from bb_core.errors import SchemaError
from bb_core.next_step import CLOSE, NextStep
from bb_core.plan import from_json
from bb_core.registry import discover
from bb_core.surface import print_plan
from bb_core.typed import language

FOUND = '{"id":"n1","tool":"find_user_by_email","args":{"email":"ana@example.com"}}'
ADDRESS = {
    "type": "object",
    "properties": {
        "line2": {"type": "string", "maxLength": 3},
        "city": {"type": "string", "minLength": 1, "maxLength": 3},
        "flat": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "required": ["city"],
    "additionalProperties": False,
}
TABLE: list[tuple[dict[str, Any], list[str], list[str]]] = [
    ({"const": "a b"}, ['"a b"'], ['"a"', "a b"]),
    ({"enum": ["x", 1, None]}, ['"x"', "1", "null"], ["x", "true"]),
    ({"type": "boolean"}, ["true", "false"], ["1", "null"]),
    ({"type": ["integer", "null"], "maximum": 5}, ["5", "null"], ["6", '"5"']),
    ({"type": "string", "maxLength": 2}, ['""', '"ab"', '"\\""', '"😀é"'], ['"abc"', '"\n"', '"a']),
    ({"type": "string", "pattern": '^"[a-z]"$'}, ['"\\"a\\""'], ['""a""', '"a"']),
    ({"type": "integer", "exclusiveMinimum": 0, "maximum": 12}, ["1", "12"], ["0", "13", "01"]),
    ({"type": "number", "minimum": 0, "maximum": 2}, ["0", "1.25", "2"], ["2.1", "-1", "1.0"]),
    ({"type": "array", "items": {"enum": [1]}, "maxItems": 2}, ["[]", "[1]", "[1,1]"], ["[1,]"]),
    ({"type": "array", "items": {"enum": [1]}, "minItems": 2, "maxItems": 2}, ["[1,1]"], ["[1]"]),
    (
        ADDRESS,
        ['{"city":"a"}', '{"line2":"","city":"a","flat":1}', '{"city":"a","flat":9}'],
        ["{}", '{"city":"a","line2":""}', '{"line2":""}', '{"city":"a",}', '{"city":"a","x":1}'],
    ),
]


@pytest.mark.parametrize("schema,inside,outside", TABLE)
def test_golden_values(schema: dict[str, Any], inside: list[str], outside: list[str]) -> None:
    automaton = Automaton(language(schema))
    assert all(automaton.reads(text.encode()) for text in inside)
    assert not any(automaton.reads(text.encode()) for text in outside)


def walk(automaton: Automaton, rng: Random) -> bytes:
    """A random text of a language: bytes drawn one by one, the nearest end after a while."""
    state, out = automaton.start, b""
    for _ in range(rng.randrange(400)):
        options = [b for b in range(256) if automaton.step(state, bytes([b]))]
        if not options or (state.accepts and rng.random() < 0.2):
            break
        byte = bytes([rng.choice(options)])
        following = automaton.step(state, byte)
        assert following is not None
        state, out = following, out + byte
    return out + state.completion


@pytest.mark.parametrize("schema", [row[0] for row in TABLE])
def test_every_text_is_a_value_of_the_schema(schema: dict[str, Any]) -> None:
    automaton, validator = Automaton(language(schema)), jsonschema_rs.validator_for(schema)
    rng = Random(7)
    for _ in range(60):
        text = walk(automaton, rng).decode()
        value = json.loads(text)
        assert validator.is_valid(value), text
        assert json.dumps(value, ensure_ascii=False, separators=(",", ":")) == text


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string", "format": "date"},
        {"type": "integer", "multipleOf": 5},
        {"type": "string", "pattern": "^[a-z]{1,9}$", "maxLength": 3},
        {"type": "object", "properties": {}, "additionalProperties": True},
        {"type": "array"},
        {"type": "integer", "minimum": 5, "maximum": 4},
    ],
)
def test_what_a_mask_cannot_say_is_refused_with_its_place(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match=r"shop: refund\.cents"):
        language(schema, "shop: refund.cents")


@pytest.fixture(scope="module")
def compiled() -> Any:
    return compile_domain(discover().get("api_json"))


@pytest.fixture(scope="module")
def steps(compiled: Any) -> NextStep:
    return NextStep(compiled.surface, compiled.schema)


def read(steps: NextStep, text: str) -> tuple[str, ...] | None:
    """The tools of a whole plan's text, read segment by segment; None if it cannot be written."""
    tools, data = tuple[str, ...](), text.encode()
    while data:
        automaton = steps.segment(tools).automaton
        state, at = automaton.start, 0
        while not state.final:
            following = automaton.step(state, data[at : at + 1]) if at < len(data) else None
            if following is None:
                return None
            state, at = following, at + 1
        tools = (*tools, steps.tool(tools, data[:at].decode()))
        data = data[at:]
        if CLOSE in state.exits:
            return None if data else tools
    return None


def test_every_reference_plan_of_the_battery_can_be_written(compiled: Any, steps: NextStep) -> None:
    for task in compiled.battery:
        for data in task.rounds:
            plan = from_json(data, domain=compiled.name, schema=compiled.digest)
            found = read(steps, print_plan(compiled.surface, plan))
            assert found == tuple(step.tool for step in plan.steps), task.id


def test_the_shortest_plan_parses(compiled: Any, steps: NextStep) -> None:
    assert len(compiled.parse(steps.shortest.decode()).steps) == 1


@pytest.mark.parametrize(
    "second",
    [
        '{"id":"n2","tool":"no_such","args":{}}',
        '{"id":"n3","tool":"get_order","args":{"order_id":"W1001"}}',
        '{"id":"n2","tool":"get_order","args":{"order_id":"1001"}}',
        '{"id":"n2","tool":"get_order","args":{}}',
        '{"id":"n2","tool":"get_order","args":{"order_id":{"$ref":"n2/order_id"}}}',
        '{"id":"n2","tool":"get_order","args":{"order_id":{"$ref":"n1/nothing"}}}',
        '{"id":"n2","tool":"get_order","args":{"order_id":{"$ref":"n1/user_id"}}}',
        '{"id":"n2","tool":"get_order","args":{"order_id":"W1001"},"after":["n2"]}',
        '{"id":"n2","tool":"get_order","args":{"order_id":"W1001"},"after":["n1","n1"]}',
    ],
)
def test_wrong_steps_cannot_be_written(steps: NextStep, second: str) -> None:
    assert read(steps, f'{{"steps":[{FOUND},{second}]}}') is None
    right = '{"id":"n2","tool":"get_user","args":{"user_id":{"$ref":"n1/user_id"}},"after":["n1"]}'
    assert read(steps, f'{{"steps":[{FOUND},{right}]}}') == ("find_user_by_email", "get_user")


def test_the_last_step_allowed_can_only_close(compiled: Any, steps: NextStep) -> None:
    most = compiled.schema.limits.steps
    for count in (most, most + 1):
        made = (
            f'{{"id":"n{i + 1}","tool":"get_order","args":{{"order_id":"W1001"}}}}'
            for i in range(count)
        )
        found = read(steps, f'{{"steps":[{",".join(made)}]}}')
        assert found == (("get_order",) * most if count == most else None)
