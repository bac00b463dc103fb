"""Keys beside a `$ref`: a schema's hold too (3.1) or not at all (3.0); only words replace words."""

from typing import Any

import jsonschema_rs
import pytest

from bb_core.openapi import read_openapi
from tests.imports.one_call import named, only, refusal

TEXT = {"type": "string", "maxLength": 9}
WHOLE = {"type": "integer"}
PAYMENT = {"type": "object", "required": ["cents"], "properties": {"cents": WHOLE}}


def test_keys_beside_a_reference_add_to_its_target() -> None:
    body = {**named("Payment"), "properties": {"note": TEXT}, "required": ["note"]}
    made = only(body, body, Payment=PAYMENT)
    assert made.args == {"cents": WHOLE, "note": TEXT}
    assert made.optional == frozenset()
    assert set(made.returns["required"]) == {"cents", "note"}
    assert made.returns["properties"] == {"cents": WHOLE, "note": TEXT}


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({"maximum": 100}, {"minimum": 2, "maximum": 10}),
        ({"maximum": 5, "minimum": 0}, {"minimum": 2, "maximum": 5}),
        ({"type": ["integer", "null"]}, {"minimum": 2, "maximum": 10}),
        ({"allOf": [{"maximum": 7}]}, {"minimum": 2, "maximum": 7}),
    ],
)
def test_the_tighter_of_two_bounds_holds_in_what_is_asked_and_told(beside: Any, said: Any) -> None:
    field = {"type": "object", "properties": {"n": {**named("Far"), **beside}}}
    near = {"type": "integer", "minimum": 2, "maximum": 10}
    made = only(field, field, Far={**named("Near")}, Near=near)
    assert made.args == {"n": {"type": "integer", **said}}
    assert made.returns["properties"]["n"] == {"type": "integer", **said}


def test_a_property_that_two_schemas_describe_by_reference_is_both() -> None:
    sides = [{"type": "object", "properties": {"n": named(side)}} for side in ("Low", "High")]
    high, low = {"type": "integer", "minimum": 3}, {"type": "integer", "maximum": 8}
    made = only({"allOf": sides}, {"allOf": sides}, Low=low, High=high)
    assert made.args == {"n": {**low, **high}}
    assert made.returns["properties"] == {"n": {**low, **high}}


def test_what_contradicts_its_target_is_refused() -> None:
    body = {"type": "object", "required": ["n"], "properties": {"n": {**named("N"), **TEXT}}}
    assert "type is both" in refusal(body, N=WHOLE)


@pytest.mark.parametrize(
    ("one", "other", "good", "bad"),
    [
        ({"not": {"const": 1}}, {"not": {"const": 2}}, [3], [1, 2]),
        (
            {"patternProperties": {"^a": {"minimum": 2}}},
            {"patternProperties": {"^a": {"maximum": 4}}},
            [{"a": 3}],
            [{"a": 1}, {"a": 5}],
        ),
        ({"additionalProperties": False}, {"additionalProperties": True}, [{}], [{"a": 1}]),
        (
            {"additionalProperties": {"type": "integer"}},
            {"additionalProperties": {"maximum": 4}},
            [{"a": 3}],
            [{"a": "x"}, {"a": 5}],
        ),
    ],
)
def test_an_answer_keeps_the_demands_of_both(one: Any, other: Any, good: Any, bad: Any) -> None:
    promise = only(None, {**named("Other"), **one}, Other=other).returns
    assert all(jsonschema_rs.is_valid(promise, value) for value in good)
    assert not any(jsonschema_rs.is_valid(promise, value) for value in bad)


@pytest.mark.parametrize(
    "word", ["dependentRequired", "contains", "propertyNames", "if", "contentEncoding"]
)
def test_what_one_schema_cannot_say_twice_is_not_said_once(word: str) -> None:
    made = only(None, {**named("Other"), word: {"one": ["a"]}}, Other={word: {"other": ["b"]}})
    assert made.returns == {}
    assert f"answer: the answer is not checked: it {word} is both" in made.notes[0]


def test_openapi_3_0_ignores_what_stands_beside_a_reference_but_words_and_says_so() -> None:
    beside = {**named("N"), "maximum": 3, "description": "How many"}
    body = {"type": "object", "properties": {"n": beside}}
    made = only(body, body, version="3.0.3", N={"type": "integer", "maximum": 10})
    assert made.args == {"n": {"type": "integer", "maximum": 10, "description": "How many"}}
    assert made.returns["properties"]["n"]["maximum"] == 10
    assert made.notes == ("/n: OpenAPI 3.0 ignores 'maximum' beside a $ref",)


def test_beside_a_parameters_reference_only_words_count() -> None:
    own = {"$ref": "#/components/parameters/N", "description": "Own", "required": False}
    shared = {"name": "n", "in": "query", "required": True, "schema": TEXT, "description": "Its"}
    path = {"get": {"operationId": "op", "parameters": [own], "responses": {}}}
    top = {"openapi": "3.1.0", "paths": {"/x": path}}
    made = read_openapi({**top, "components": {"parameters": {"N": shared}}}).tools["op"]
    assert made.args == {"n": {**TEXT, "description": "Own"}}
    assert made.optional == frozenset()


def test_a_paths_item_keeps_the_operations_beside_its_reference() -> None:
    read = {"operationId": "read", "responses": {}}
    item = {"$ref": "#/components/pathItems/X", "post": {"operationId": "act", "responses": {}}}
    top = {"openapi": "3.1.0", "paths": {"/x": item}}
    found = read_openapi({**top, "components": {"pathItems": {"X": {"get": read}}}})
    assert set(found.tools) == {"read", "act"}
