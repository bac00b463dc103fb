"""Which parameters and bodies are arguments, and which of them no plan can write."""

from typing import Any

import pytest

from bb_core.imported import Catalogue
from bb_core.openapi import read_openapi
from tests.imports.wire import TEXT, TEXTS, arrived, body, one

KEYS = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "token": {"type": "apiKey", "in": "query", "name": "token"},
}


def param(name: str, place: str = "header", **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "schema": TEXT, **more}


def read(*parameters: Any, **more: Any) -> Catalogue:
    told = one(parameters=list(parameters), **more)
    return read_openapi({**told, "components": {"securitySchemes": KEYS}})


@pytest.mark.parametrize(
    "name",
    ["Host", "COOKIE", "content-length", "Transfer_Encoding", "Connection", "TE", "Expect",
     "Upgrade", "Proxy-Authorization", "X-HTTP-Method-Override"],
)  # fmt: skip
def test_a_header_of_the_wires_own_is_no_argument(name: str) -> None:
    made = read(param(name), param("X-Kind")).tools["op"]
    assert list(made.args) == ["x_kind"]
    assert made.notes == (f"header parameter {name!r} is left out: no plan sets it",)


def test_what_a_credential_sends_is_no_argument() -> None:
    given = (param("x-api-KEY"), param("token", "query"), param("X-API-Key", "query"))
    made = read(*given, security=[{"key": [], "token": []}]).tools["op"]
    assert [(part.wire, part.place) for part in made.call.parts] == [("X-API-Key", "query")]
    assert len(made.notes) == 2
    assert len(read(*given).tools["op"].args) == 3  # no credential goes with it


def test_only_the_credential_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "service")
    told = one(parameters=[param("x-api-key"), param("Host")], security=[{"key": []}])
    told["components"] = {"securitySchemes": KEYS}
    args = {"x_api_key": "mine", "host": "evil.example"}
    (seen,) = arrived(told, ("op", args), key="env:THE_KEY")
    headers = [(name, text) for name, text in seen["headers"].items() if "key" in name.lower()]
    assert headers == [("X-API-Key", "service")]
    assert seen["headers"]["Host"].startswith("127.0.0.1:")


def test_a_header_is_the_same_in_any_case() -> None:
    told = one(parameters=[param("x-kind", required=True)])
    told["paths"]["/x"]["parameters"] = [param("X-Kind")]
    made = read_openapi(told).tools["op"]
    assert [part.wire for part in made.call.parts] == ["x-kind"]
    assert not made.optional


@pytest.mark.parametrize("place", ["query", "header", "cookie"])
def test_a_required_list_has_an_item(place: str) -> None:
    two = {"anyOf": [{**TEXTS, "minItems": 2, "maxItems": 3}, {"type": "null"}]}
    made = read(
        param("a", place, schema=TEXTS, required=True),
        param("b", place, schema=TEXTS),
        param("c", place, schema=two, required=True),
    ).tools["op"]
    assert made.args["a"] == {**TEXTS, "minItems": 1, "maxItems": 16}
    assert made.args["b"] == {**TEXTS, "maxItems": 16}
    assert made.args["c"]["anyOf"][0]["minItems"] == 2
    none = param("a", place, schema={**TEXTS, "maxItems": 0}, required=True)
    assert f"{place} parameter 'a' is a list without items" in read(none).refused[0].why


def test_a_required_list_of_a_form_has_an_item_and_that_of_json_may_be_empty() -> None:
    for media, least in (("application/x-www-form-urlencoded", 1), ("application/json", None)):
        told = one(requestBody=body(media, {"a": TEXTS}, ["a"]))
        assert read_openapi(told).tools["op"].args["a"].get("minItems") == least


@pytest.mark.parametrize("media", ["application/jsonl", "application/json-seq", "text/plainer"])
def test_a_sequence_is_no_json(media: str) -> None:
    found = read(requestBody=body(media, {"a": TEXT}))
    assert f"is {media}, which a plan cannot say" in found.refused[0].why
    content = {"content": {media: {"schema": TEXT}}}
    assert not read({"name": "a", "in": "query", **content}).tools["op"].args
    answers = {"200": {"description": "", **content}}
    assert bool(read(responses=answers).refused) is media.startswith("application")


@pytest.mark.parametrize(("place", "style"), [("query", "simple"), ("header", "form")])
def test_a_style_that_its_place_has_not_is_refused(place: str, style: str) -> None:
    found = read(param("a", place, style=style, required=True))
    assert f"has the style {style!r}, which no {place} has" in found.refused[0].why
