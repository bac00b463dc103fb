"""What stands beside alternatives or listed values holds for each; what no type says is noted."""

from typing import Any

import pytest

from tests.imports.one_call import named, only, refusal

TEXT = {"type": "string", "maxLength": 9}
A = {"type": "object", "properties": {"a": TEXT}}


def said(schema: Any, **schemas: Any) -> Any:
    """The type of an argument described so."""
    body = {"type": "object", "properties": {"v": schema}, "required": ["v"]}
    return only(body, **schemas).args["v"]


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    kind = {"type": "object", "properties": properties, "required": required}
    return {**kind, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        (
            {"maxLength": 5, "anyOf": [TEXT, {"type": "string", "maxLength": 3}]},
            {"anyOf": [{"type": "string", "maxLength": n} for n in (5, 3)]},
        ),
        (
            {"maximum": 10, "oneOf": [{"type": "integer"}, {"type": "number", "maximum": 3}]},
            {"anyOf": [{"type": "integer", "maximum": 10}, {"type": "number", "maximum": 3}]},
        ),
        ({"required": ["a"], "anyOf": [A, {**A, "required": []}]}, closed(["a"], a=TEXT)),
        ({"enum": ["x", "y"], "oneOf": [TEXT, {"type": "integer"}]}, {"enum": ["x", "y"]}),
        ({"type": "string", "anyOf": [{"maxLength": 9}, {"type": "integer"}]}, TEXT),
        ({"type": "string", "anyOf": [{**TEXT, "nullable": True}]}, TEXT),
        ({"enum": ["x"], "anyOf": [{**TEXT, "nullable": True}]}, {"enum": ["x"]}),
        (
            {
                "anyOf": [TEXT, {"type": "boolean"}],
                "oneOf": [{"type": "string", "minLength": 2}, {"enum": [True]}],
            },
            {"anyOf": [{"type": "string", "minLength": 2, "maxLength": 9}, {"enum": [True]}]},
        ),
    ],
)
def test_what_stands_beside_alternatives_holds_for_each(schema: Any, type_: Any) -> None:
    assert said(schema) == type_


@pytest.mark.parametrize(
    ("beside", "kept"),
    [
        ({"maximum": 2}, [1, 2]),
        ({"maximum": 2, "exclusiveMaximum": True}, [1]),
        ({"type": "string"}, ["abc", "b"]),
        ({"type": ["string", "null"]}, [None, "abc", "b"]),
        ({"type": "string", "nullable": True}, [None, "abc", "b"]),
        ({"type": "string", "maxLength": 1}, ["b"]),
        ({"type": "string", "pattern": "^a"}, ["abc"]),
        ({"const": 3, "type": "integer"}, [3]),
    ],
)
def test_listed_values_that_break_what_stands_beside_them_are_left_out(
    beside: Any, kept: Any
) -> None:
    values = [1, 2, 3, None, "abc", "b"]
    if "type" not in beside:
        beside = {**beside, "type": "integer"}
    assert said({"enum": values, **beside}) == {"enum": kept}


def test_values_none_of_which_fits_are_no_choice() -> None:
    body = {"type": "object", "properties": {"v": {"enum": ["a"], "maxLength": 0}}}
    made = only(body | {"properties": {**body["properties"], "a": TEXT}})
    assert list(made.args) == ["a"]
    assert made.notes[0] == "/v: 1 of its values break what stands beside them"
    assert "no value a plan can write" in refusal({**body, "required": ["v"]})


def test_a_text_that_would_have_to_be_longer_than_its_end_is_left_out() -> None:
    union = {"maxLength": 0, "anyOf": [{"type": "string", "minLength": 1}, {"type": "boolean"}]}
    assert said(union) == {"type": "boolean"}
    body = {"type": "object", "properties": {"v": {"type": "string", "minLength": 201}}}
    assert "wants 201 characters or more" in refusal({**body, "required": ["v"]})


def test_a_pattern_that_cannot_be_applied_is_the_servers_to_judge() -> None:
    made = only({"type": "object", "properties": {"v": {"enum": ["a"], "pattern": "(?<"}}})
    assert (made.args["v"], made.notes) == (
        {"enum": ["a"]},
        ("/v: pattern (?< is the server's to judge",),
    )


CAT = {"type": "object", "properties": {"kind": TEXT, "purr": {"type": "boolean"}}}


@pytest.mark.parametrize(
    ("kind", "mapping", "property_", "required"),
    [
        ({"const": "cat"}, {}, {"enum": ["cat"]}, ["kind"]),
        ({"type": "string", "enum": ["cat", "lion"]}, {}, {"enum": ["cat", "lion"]}, ["kind"]),
        (named("Kind"), {}, {"enum": ["cat"]}, ["kind"]),
        (TEXT, {"c": "#/components/schemas/Cat", "d": "Dog"}, {"enum": ["c"]}, ["kind"]),
        (TEXT, {"c": "Cat", "k": "pets.json#/Cat"}, {"enum": ["c", "k"]}, ["kind"]),
        (TEXT, {"x": "Other"}, TEXT, []),
    ],
)
def test_alternatives_are_named_by_what_tells_them_apart(
    kind: Any, mapping: Any, property_: Any, required: Any
) -> None:
    cat = {**CAT, "properties": {**CAT["properties"], "kind": kind}}
    union = {
        "oneOf": [named("Cat"), {"type": "boolean"}],
        "discriminator": {"propertyName": "kind", "mapping": mapping},
    }
    found = said(union, Cat=cat, Kind={"enum": ["cat"]})["anyOf"][0]
    assert found["properties"]["kind"] == property_
    assert found["required"] == required


@pytest.mark.parametrize(
    ("demand", "noted"),
    [
        ({"not": {"required": ["a"]}}, "what it must not be"),
        ({"dependentRequired": {"a": ["b"]}}, "which keys go together"),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, "what one part demands"),
        ({"maxProperties": 1}, "how many keys"),
    ],
)
@pytest.mark.parametrize("around", [lambda v: {"type": "object", "properties": {"v": v}},
                                    lambda v: v,
                                    lambda v: {"anyOf": [v, A]}])  # fmt: skip
def test_what_no_type_can_say_is_noted(demand: Any, noted: str, around: Any) -> None:
    both = {"type": "object", "properties": {"a": TEXT, "b": TEXT}, **demand}
    notes = only(around(both)).notes
    assert any(noted in note and "is the server's to judge" in note for note in notes), notes
