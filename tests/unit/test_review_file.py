"""effects.review.yaml and `tools_from`: what a person wrote holds, what nobody wrote is refused."""

from pathlib import Path
from typing import Any

import pytest

from bb_core.canonical import digest
from bb_core.codegen import models_source
from bb_core.effects import Effect
from bb_core.errors import DomainError, SchemaError
from bb_core.free_texts import free_texts
from bb_core.openapi import read_openapi
from bb_core.review_file import read_review
from bb_core.schema_file import load_schema
from bb_core.tools_from import pinned_in
from bb_core.verdict import Checked, Refused
from bb_infra.import_scaffold import Source, scaffold
from tests.imports.site import Site

TEXT = {"type": "string", "maxLength": 9}
KEY = {"name": "Idempotency-Key", "in": "header", "schema": TEXT}
ANSWER = {"type": "object", "properties": {"from": TEXT, "content-type": TEXT, "a_b": TEXT}}
OK = {"200": {"description": "", "content": {"application/json": {"schema": ANSWER}}}}
ITEM = {
    "get": {"operationId": "look", "responses": OK},
    "post": {
        "operationId": "pay",
        "x-bb-effect": "write",
        "parameters": [
            KEY,
            {"name": "id", "in": "query", "required": True, "schema": TEXT},
            {"name": "note", "in": "query", "schema": {"type": "string"}},
        ],
        "responses": OK,
    },
}
DOCUMENT: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "Till"}, "paths": {"/x": ITEM}}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    source = Source("openapi", "till.json", DOCUMENT, read_openapi(DOCUMENT))
    return Site(scaffold(source, tmp_path, "till").folder, "till")


def edit(site: Site, name: str, old: str, new: str) -> None:
    text = site.text(name)
    assert old in text
    site.write(name, text.replace(old, new, 1))


def test_nothing_is_ratified_by_the_import(site: Site) -> None:
    tools = site.compiled().schema.tools
    for name in ("look", "pay"):
        assert tools[name].effect is Effect.IRREVERSIBLE
        assert tools[name].unratified == f"effects.review.yaml, tools.{name}"
        assert tools[name].requires == ("approved",)
    assert not tools["confirm"].unratified


def test_consent_does_not_stand_in_for_ratification(site: Site) -> None:
    site.ratify({"look": "read"})
    ask = {"id": "n1", "tool": "confirm", "args": {"question": "Pay?"}}
    pay = {"id": "n2", "tool": "pay", "args": {"id": "1"}, "after": ["n1"]}
    verdict = site.check(ask, pay)
    assert isinstance(verdict, Refused)
    assert verdict.rules == {"E.unratified"}
    site.ratify({"pay": "irreversible"})
    assert isinstance(site.check(ask, pay), Checked)


def test_a_ratified_tool_has_its_persons_effect_and_the_business_key(site: Site) -> None:
    site.ratify({"look": "read", "pay": "write"})
    tools = site.compiled().schema.tools
    assert (tools["look"].effect, tools["look"].requires) == (Effect.READ, ())
    assert (tools["pay"].effect, tools["pay"].key) == (Effect.WRITE, ("id", "note"))
    assert tools["pay"].requires == ("approved",)
    edit(site, "effects.review.yaml", "    - id\n    - note\n", "    - id\n")
    assert site.compiled().schema.tools["pay"].key == ("id",)
    edit(site, "effects.review.yaml", "    key:\n    - id\n", "    key: []\n")
    assert site.compiled().schema.tools["pay"].key is None


def test_the_digest_of_a_domain_holds_the_pin_and_the_ratification_and_no_line(site: Site) -> None:
    before = site.compiled().digest
    edit(site, "effects.review.yaml", "review: 1", "\n# a remark\nreview: 1")
    assert site.compiled().digest == before
    site.ratify({"look": "read"})
    assert site.compiled().digest != before


def test_a_bound_is_the_persons_to_set(site: Site) -> None:
    assert site.compiled().schema.arg("pay", "note")["maxLength"] == 200
    edit(site, "effects.review.yaml", "maxLength: 200", "maxLength: 40")
    assert site.compiled().schema.arg("pay", "note")["maxLength"] == 40
    edit(site, "effects.review.yaml", "maxLength: 40", "maxLength: 4000")
    assert site.compiled().schema.arg("pay", "note")["maxLength"] == 200  # the grammar's end


def test_the_schemas_own_rules_come_on_top(site: Site) -> None:
    site.ratify({"look": "read", "pay": "write"})
    more = (
        "  pay: {once_per: [id], timeout_s: 3, guards: [{id: short, expr: 'size(args.id) < 5'}]}\n"
    )
    site.write("plan_schema.yaml", site.text("plan_schema.yaml") + more)
    pay = site.compiled().schema.tools["pay"]
    assert (pay.once_per, pay.timeout_s, pay.requires) == (("id",), 3, ("approved",))
    waives = more.replace("once_per: [id]", "waives: {approval: it is only a till}")
    edit(site, "plan_schema.yaml", more, waives)
    assert site.compiled().schema.tools["pay"].requires == ()


def test_free_texts_of_answers_are_untrusted_until_the_schema_says_otherwise(site: Site) -> None:
    schema = site.compiled().schema
    assert not schema.labels["untrusted"].trusted
    assert schema.tools["look"].labels == {
        place: {"untrusted"} for place in ("/from", "/content-type", "/a_b")
    }
    own = site.text("plan_schema.yaml") + "  look: {labels: {/a_b: [untrusted]}}\n"
    site.write("plan_schema.yaml", own)
    assert site.compiled().schema.tools["look"].labels == {"/a_b": {"untrusted"}}


@pytest.mark.parametrize(
    ("schema", "places"),
    [
        ({"type": "string"}, [""]),
        ({}, [""]),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, [""]),
        ({"type": "string", "pattern": "^a$"}, []),
        ({"enum": ["a"]}, []),
        ({"type": "integer"}, []),
        ({"type": "object"}, [""]),
        (
            {
                "type": "object",
                "properties": {
                    "a/b": {"type": "string"},
                    "n": {"type": "number"},
                    "l": {"type": "array", "items": {"type": "object", "properties": {"t": {}}}},
                },
            },
            ["/a~1b", "/l/*/t"],
        ),
    ],
)
def test_the_places_of_free_text(schema: Any, places: list[str]) -> None:
    assert list(free_texts(schema)) == places


def test_a_waiver_does_not_reach_a_tool_nobody_ratified(site: Site) -> None:
    more = "  pay: {waives: {approval: trust me}}\n"
    site.write("plan_schema.yaml", site.text("plan_schema.yaml") + more)
    assert site.compiled().schema.tools["pay"].requires == ("approved",)


@pytest.mark.parametrize("key", ["effect: read", "args: {}", "returns: {}", "unratified: ''"])
def test_the_schema_cannot_say_what_the_review_says(site: Site, key: str) -> None:
    site.write("plan_schema.yaml", site.text("plan_schema.yaml") + f"  pay: {{{key}}}\n")
    with pytest.raises(SchemaError, match=r"pay\.\w+ comes from openapi.json and its review"):
        site.compiled()


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("openapi.json", '"look"', '"see"', "new: see; gone: look"),
        ("openapi.json", '"Till"', '"Tall"', "other bytes"),
        ("openapi.json", "{", "[", "is not JSON"),
        ("effects.review.yaml", "digest: sha256:", "digest: sha256:0", "changed: look"),
        ("effects.review.yaml", "  pay:", "  play:", "new: pay; gone: play"),
        ("plan_schema.yaml", "sha256: ", "sha256: 0", "other bytes"),
        ("plan_schema.yaml", "kind: openapi", "kind: grpc", "not a pinned document"),
    ],
)
def test_a_document_or_review_that_is_not_the_pinned_one_is_refused(
    site: Site, file: str, old: str, new: str, says: str
) -> None:
    site.ratify({"look": "read"})
    edit(site, file, old, new)
    for load in (site.compiled, lambda: pinned_in(site.domain)):
        with pytest.raises(DomainError, match=says):
            load()


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("effect: red, ratified: {by: Ana, when: 2026-11-25}", r":3: effect 'red' is not one of"),
        ("effect: read", "an effect and who ratified it go together"),
        ("ratified: {by: Ana, when: 2026-11-25}", "an effect and who ratified it go together"),
        ("effect: read, ratified: {by: Ana}", "the day it was ratified is ''"),
        ("effect: read, ratified: {by: Ana, when: soon}", "the day it was ratified is 'soon'"),
        ("effect: read, ratified: {when: 2026-11-25}", "ratified names nobody"),
        ("effect: read, ratified: {by: ' ', when: 2026-11-25}", "ratified names nobody"),
        ("efect: read", "unknown key 'efect'"),
        ("key: id", "'key' must be a list"),
        ("bounds: {note: {maxLength: 4}}", "'note' is no place"),
        ("bounds: {/note: {maxLength: yes}}", "maxLength cannot be 'yes'"),
        ("bounds: {/note: {format: x}}", "unknown key 'format'"),
    ],
)
def test_a_review_says_what_is_wrong_with_it_and_where(entry: str, says: str) -> None:
    with pytest.raises(DomainError, match=says):
        read_review(f"review: 1\ntools:\n  pay: {{{entry}}}\n", "till/effects.review.yaml")


def test_ratified_below_the_documents_own_word_is_refused(site: Site) -> None:
    site.ratify({"pay": "read"})
    with pytest.raises(SchemaError, match=r"effects.review.yaml:\d+: pay is ratified as read"):
        site.compiled()


def test_without_the_files_beside_it_such_a_schema_is_no_schema(site: Site) -> None:
    with pytest.raises(SchemaError, match="which is not at hand here"):
        load_schema(site.text("plan_schema.yaml"), "plan_schema.yaml")


def test_a_document_keeps_words_that_an_author_may_not_write(tmp_path: Path) -> None:
    said = {**ANSWER, "markdownDescription": "An answer.", "minItems": 2, "maxItems": 1}
    answer = {"200": {"description": "", "content": {"application/json": {"schema": said}}}}
    document = {**DOCUMENT, "paths": {"/x": {"get": {**ITEM["get"], "responses": answer}}}}
    source = Source("openapi", "till.json", document, read_openapi(document))
    site = Site(scaffold(source, tmp_path, "till").folder, "till")
    assert "markdownDescription" in site.compiled().schema.tools["look"].returns
    edit(site, "plan_schema.yaml", "maxLength:", "maxLenght:")
    with pytest.raises(SchemaError, match=r"plan_schema.yaml:\d+: unknown keyword 'maxLenght'"):
        site.compiled()


def test_a_pin_is_the_digest_of_the_documents_bytes(site: Site) -> None:
    pin = site.compiled().schema.tools_from
    assert pin is not None
    assert f"sha256:{pin.sha256}" == digest(site.text("openapi.json").encode())


def test_typed_models_have_names_python_takes(site: Site) -> None:
    scope: dict[str, Any] = {}
    exec(compile(models_source(site.compiled().schema), "models.py", "exec"), scope)
    made = scope["PayResult"].model_validate({"from": "a", "content-type": "b", "a_b": "c"})
    assert (made.from_2, made.content_type) == (
        "a",
        "b",
    )
