"""`readOnly` belongs to answers and `writeOnly` to requests, at any depth, required or not."""

from typing import Any

import jsonschema_rs
import pytest

from bb_core.mcp_tools import read_tools
from bb_core.openapi import read_openapi
from tests.imports.one_call import named, only

TEXT = {"type": "string", "maxLength": 9}
USER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "name", "password"],
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "name": TEXT,
        "password": {**TEXT, "writeOnly": True},
    },
}
ANSWERED = {"id": 41, "name": "ada"}
SENT = {"name": "ada", "password": "s"}


def holding(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"user": schema}, "required": ["user"]}


def test_a_body_asks_for_nothing_that_only_answers_hold() -> None:
    made = only(named("User"), named("User"), User=USER)
    assert list(made.args) == ["name", "password"]
    assert made.optional == frozenset()
    assert (list(made.returns["properties"]), made.returns["required"]) == (
        ["id", "name"],
        ["id", "name"],
    )


@pytest.mark.parametrize(
    "around",
    [
        lambda user: user,
        lambda user: {"type": "object", "properties": {"in": holding(user)}, "required": ["in"]},
        lambda user: {"type": "array", "items": user},
        lambda user: {"allOf": [user, {"required": ["id", "password"]}]},
        lambda user: {"anyOf": [user, {"type": "boolean"}]},
        lambda user: {**USER, "anyOf": [{"required": ["password"]}, {"required": ["id"]}]},
    ],
    ids=["plain", "deep", "list", "allOf", "anyOf", "beside anyOf"],
)
@pytest.mark.parametrize("marked", ["here", "behind a reference", "in allOf"])
def test_a_call_is_judged_without_what_goes_the_other_way(around: Any, marked: str) -> None:
    parts = {name: USER["properties"][name] for name in ("id", "password")}
    far = {name: named(name) for name in parts}
    near = {name: {"allOf": [named(name)]} for name in parts}
    chosen = {"here": parts, "behind a reference": far, "in allOf": near}[marked]
    user = {**USER, "properties": {**USER["properties"], **chosen}}
    schema = holding(around(named("User")))
    made = only(schema, schema, User=user, **parts)
    taken = {"type": "object", "properties": dict(made.args), "required": ["user"]}

    def fits(judge: Any, value: Any) -> bool:
        return jsonschema_rs.is_valid(judge, {"user": value})

    def placed(value: Any) -> Any:
        inner = around(named("User"))
        if "items" in inner:
            return [value]
        return {"in": {"user": value}} if "in" in inner.get("properties", {}) else value

    assert fits(taken, placed(SENT))
    assert not fits(taken, placed({**SENT, "id": 1}))
    assert fits(made.returns, placed(ANSWERED))
    assert not fits(made.returns, placed({"id": 41, "name": 7}))


def test_a_closed_answer_that_repeats_what_was_sent_is_no_broken_promise() -> None:
    closed = {**USER, "additionalProperties": False}
    promise = only(None, closed).returns
    assert list(promise["properties"]) == ["id", "name"]
    assert jsonschema_rs.is_valid(promise, {**ANSWERED, "password": "s"})
    assert not jsonschema_rs.is_valid(promise, {**ANSWERED, "other": "s"})


def test_an_optional_body_that_requires_only_what_answers_hold_has_plain_fields() -> None:
    schema = {"type": "object", "required": ["id"], "properties": USER["properties"]}
    body = {"content": {"application/json": {"schema": schema}}}
    path = {"patch": {"operationId": "op", "requestBody": body, "responses": {}}}
    made = read_openapi({"openapi": "3.0.3", "paths": {"/x": path}}).tools["op"]
    assert list(made.args) == ["name", "password"]
    assert made.optional == {"name", "password"}


def test_without_openapi_what_is_required_stays_required() -> None:
    tool = {"name": "t", "inputSchema": USER, "outputSchema": USER}
    made = read_tools({"tools": [tool]}).tools["t"]
    assert list(made.args) == ["id", "name", "password"]
    assert made.returns["required"] == ["id", "name", "password"]
