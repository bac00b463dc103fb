"""Laws of importing: what a plan can say the document allows, and no document breaks the import."""

from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bb_core.grammar import Grammar
from bb_core.json_refs import Unsayable
from bb_core.lint import admit
from bb_core.mcp_tools import read_tools
from bb_core.openapi import read_openapi
from bb_core.promised_types import promised
from bb_core.said_leaves import Margin, bounded
from bb_core.said_types import DEEPEST, SaidTypes, on_the_wire
from bb_core.sample import draw_value
from bb_core.typed import compact
from bb_infra.import_grammar import grammar_text

NAMES = st.sampled_from(["a", "b", "first name", "content-type", "X", "a" * 40, "日"])
SMALL = st.integers(0, 9)
PATTERNS = ["^[a-z]+$", "^\\d{2,}$", "[0-9]", "^a|b$", "^(?:x|yz)*q$", "^\\w+@[a-z]{1,3}$"]


@st.composite
def text(draw: st.DrawFn) -> dict[str, Any]:
    out: dict[str, Any] = {"type": "string"}
    if draw(st.booleans()):
        out["minLength"] = draw(st.integers(0, 3))
    if draw(st.booleans()):
        out["maxLength"] = draw(st.integers(3, 500))
    if draw(st.booleans()):
        out["pattern"] = draw(st.sampled_from(PATTERNS))
    return out


@st.composite
def whole(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(-(10**20), 10**20))
    out: dict[str, Any] = {"type": "integer"}
    if draw(st.booleans()):
        out[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(st.booleans()):
        out[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(SMALL) + 2
    return out


LISTED = st.lists(st.one_of(SMALL, st.none(), st.text("ab", max_size=3)), min_size=1, max_size=3)
BESIDE = st.fixed_dictionaries(
    {},
    optional={
        "enum": LISTED,
        "maximum": SMALL,
        "maxLength": SMALL,
        "required": st.just(["a"]),
        "type": st.sampled_from(["string", "integer", "object", ["string", "null"]]),
    },
)
"""Demands that stand beside others."""
LEAVES = st.one_of(
    text(),
    whole(),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.tuples(LISTED, BESIDE).map(lambda both: {**both[1], "enum": both[0]}),
)


def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner}, optional={"maxItems": SMALL, "minItems": SMALL}
    )
    objects = st.dictionaries(NAMES, inner, min_size=1, max_size=3).flatmap(
        lambda made: st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.just(made),
                "required": st.lists(st.sampled_from(sorted(made)), unique=True, max_size=3),
            }
        )
    )
    options = st.tuples(BESIDE, st.lists(inner, min_size=1, max_size=3))
    return lists | objects | options.map(lambda both: {**both[0], "anyOf": both[1]})


SCHEMAS = st.recursive(LEAVES, around, max_leaves=8)


@given(SCHEMAS, st.integers(0, 2**32))
@settings(max_examples=80)
def test_what_a_plan_can_say_the_documents_schema_allows(schema: Any, seed: int) -> None:
    margin = Margin()
    try:
        said = SaidTypes({}, margin).said(schema, "/a")
    except Unsayable:
        return
    if any("pattern" in note for note in margin.notes):
        return  # left to the server, and said so
    judge = jsonschema_rs.Draft202012Validator(schema)
    inner = jsonschema_rs.Draft202012Validator(said)
    rng = Random(seed)
    for _ in range(5):
        value = draw_value(rng, said)
        inner.validate(value)
        judge.validate(on_the_wire(said, value))


@pytest.mark.parametrize("depth", range(1, DEEPEST + 1))
def test_an_imported_grammar_is_admitted_and_as_deep_as_its_arguments(depth: int) -> None:
    said: dict[str, Any] = {"type": "string", "maxLength": 3}
    for level in range(depth):
        lists = {"type": "array", "items": said, "minItems": 1, "maxItems": 2}
        objects = {"type": "object", "properties": {"a": said}, "required": ["a"]}
        said = lists if level % 2 else objects
    parser = admit(Grammar(grammar_text(iter([said])), "strict", "test"))
    for seed in range(20):
        args = compact({"a": draw_value(Random(seed), said)})
        parser.parse('{"steps":[{"id":"n1","tool":"t","args":' + args + "}]}")


@given(SCHEMAS)
@settings(max_examples=100)
def test_an_answers_schema_promises_what_the_document_does(schema: Any) -> None:
    out = promised({}, schema, "answer", Margin())
    theirs, ours = (jsonschema_rs.Draft202012Validator(s) for s in (schema, out))
    for value in ("a", "12", 1, -5, None, True, [], [1], {}, {"a": 1, "first name": "x"}):
        assert theirs.is_valid(value) is ours.is_valid(value), (schema, value)


@given(SCHEMAS, SCHEMAS, st.booleans())
@settings(max_examples=150)
def test_two_schemas_together_promise_what_both_do(one: Any, other: Any, apart: bool) -> None:
    whole = {**one, "$ref": "#/other"} if apart else {"allOf": [one, other]}
    margin = Margin()
    out = jsonschema_rs.Draft202012Validator(promised({"other": other}, whole, "answer", margin))
    if margin.notes:
        return  # not checked, and said so
    both = [jsonschema_rs.Draft202012Validator(schema) for schema in (one, other)]
    for value in ("a", "", "12", 1, -5, None, True, [], [1], {}, {"a": 1}, {"a": "", "b": {}}):
        wanted = all(judge.is_valid(value) for judge in both)
        assert out.is_valid(value) is wanted, (whole, other, value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["$ref", "parameters", "requestBody", "responses", "schema", "type", "properties",
             "items", "content", "application/json", "name", "in", "allOf", "anyOf", "required",
             "operationId", "200", "security", "servers", "enum", "pattern", "inputSchema"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(JSON, JSON)
@settings(max_examples=300)
def test_a_broken_operation_costs_itself_alone(broken: Any, other: Any) -> None:
    fine = {"operationId": "fine", "responses": {"200": {"description": "ok"}}}
    operation = broken if isinstance(broken, dict) else {"parameters": broken}
    paths = {"/a": {"post": operation, "parameters": other}, "/b": {"get": fine}}
    found = read_openapi({"openapi": "3.1.0", "paths": paths, "components": {"schemas": other}})
    assert found.tools.keys() >= {"fine"} or "fine" in {one.name[:4] for one in found.refused}
    assert len(found.tools) + len(found.refused) == 2
    tools = [
        {"name": "x", "inputSchema": broken},
        {"name": "fine", "inputSchema": {"type": "object"}},
    ]
    assert "fine" in read_tools({"tools": tools}).tools


@given(st.sampled_from(PATTERNS), st.integers(1, 9), st.text("abxyzq019@_", max_size=6))
def test_an_end_to_a_pattern_adds_nothing_to_it(pattern: str, most: int, text: str) -> None:
    import re

    if re.search(bounded(pattern, most), text):
        assert re.search(pattern, text)
