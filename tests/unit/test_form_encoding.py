"""Fields of forms as their `encoding` says, on a real socket; what no form can hold is refused."""

from email import message_from_string
from typing import Any
from urllib.parse import parse_qsl

import pytest

from bb_core.openapi import read_openapi
from tests.imports.wire import TEXT, TEXTS, arrived, body, one

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
FLAT = {"type": "object", "properties": {"order": TEXT}}
JSON = {"contentType": "application/json"}


def form(schema: Any, media: str = FORM, **encoding: Any) -> dict[str, Any]:
    return one(
        requestBody=body(media, {"a": schema}, ["a"], **({"a": encoding} if encoding else {}))
    )


def rows(told: dict[str, Any], value: Any) -> list[tuple[str, str]]:
    (seen,) = arrived(told, ("op", {"a": value}))
    return parse_qsl(seen["body"], keep_blank_values=True, strict_parsing=True)


def parts(told: dict[str, Any], value: Any) -> list[tuple[str, str, str]]:
    """Name, type and text of each part, read by Python's own parser of such messages."""
    (seen,) = arrived(told, ("op", {"a": value}))
    head = f"Content-Type: {seen['headers']['Content-Type']}\n\n"
    found: Any = message_from_string(head + seen["body"].replace("\r\n", "\n")).get_payload()
    named = (part.get_param("name", header="content-disposition") for part in found)
    return [(n, p.get_content_type(), p.get_payload()) for n, p in zip(named, found, strict=True)]


@pytest.mark.parametrize(
    ("encoding", "schema", "value", "sent"),
    [
        ({}, TEXT, "x y&b=1", [("a", "x y&b=1")]),
        ({}, TEXTS, ["1", "2"], [("a", "1"), ("a", "2")]),
        ({}, FLAT, {"order": "W1"}, [("a", '{"order":"W1"}')]),
        ({"style": "deepObject", "explode": True}, FLAT, {"order": "W1"}, [("a[order]", "W1")]),
        ({"explode": True}, FLAT, {"order": "W1"}, [("order", "W1")]),
        ({"style": "form", "explode": False}, TEXTS, ["1", "2"], [("a", "1,2")]),
        ({"style": "pipeDelimited"}, TEXTS, ["1", "2"], [("a", "1|2")]),
        (JSON, TEXT, "abc", [("a", '"abc"')]),
        ({"contentType": "text/plain"}, TEXTS, ["1", "2"], [("a", "1"), ("a", "2")]),
        ({**JSON, "style": "form"}, TEXT, "abc", [("a", "abc")]),
    ],
)
def test_a_form_is_written_as_its_encoding_says(
    encoding: Any, schema: Any, value: Any, sent: Any
) -> None:
    assert rows(form(schema, **encoding), value) == sent


@pytest.mark.parametrize(
    ("encoding", "schema", "value", "sent"),
    [
        ({}, TEXT, "b", [("a", "text/plain", "b")]),
        ({}, TEXTS, ["1", "2"], [("a", "text/plain", "1"), ("a", "text/plain", "2")]),
        ({}, FLAT, {"order": "W1"}, [("a", "application/json", '{"order":"W1"}')]),
        (JSON, FLAT, {"order": "W1"}, [("a", "application/json", '{"order":"W1"}')]),
        (JSON, TEXTS, ["1"], [("a", "application/json", '"1"')]),
        ({"style": "deepObject"}, FLAT, {"order": "W1"}, [("a[order]", "text/plain", "W1")]),
    ],
)
def test_a_multipart_body_is_written_as_its_encoding_says(
    encoding: Any, schema: Any, value: Any, sent: Any
) -> None:
    assert parts(form(schema, MULTIPART, **encoding), value) == sent


@pytest.mark.parametrize("media", [FORM, MULTIPART])
@pytest.mark.parametrize(
    ("encoding", "schema", "why"),
    [
        ({"contentType": "application/xml"}, FLAT, "is sent as application/xml"),
        ({"contentType": "image/png, image/jpeg"}, TEXT, "is sent as image/png, image/jpeg"),
        ({"contentType": "text/plain"}, FLAT, "holds an object, which text/plain cannot write"),
        ({"style": "matrix"}, TEXTS, "has the style 'matrix'"),
        ({"style": "form"}, {**TEXTS, "items": FLAT}, "is nested, which only JSON could write"),
    ],
)
def test_a_field_that_would_be_sent_otherwise_is_refused_or_left_out(
    media: str, encoding: Any, schema: Any, why: str
) -> None:
    (refused,) = read_openapi(form(schema, media, **encoding)).refused
    assert why in refused.why
    told = one(requestBody=body(media, {"a": schema, "b": TEXT}, ["b"], a=encoding))
    made = read_openapi(told).tools["op"]
    assert list(made.args) == ["b"]
    assert any(why in note for note in made.notes)


def test_a_list_as_json_in_a_form_and_headers_of_a_part_are_refused() -> None:
    (refused,) = read_openapi(form(TEXTS, **JSON)).refused
    assert "which is written in more ways than one" in refused.why
    headers = {"X-Kind": {"required": True, "schema": TEXT}}
    (refused,) = read_openapi(form(TEXT, MULTIPART, headers=headers)).refused
    assert "wants headers of its own" in refused.why


def test_an_optional_form_is_one_argument_whose_fields_are_written_alike() -> None:
    media = body(
        FORM,
        {"the tags": TEXTS, "meta": FLAT, "odd": TEXT},
        ["the tags"],
        **{
            "the tags": {"style": "form", "explode": False},
            "meta": {"style": "deepObject"},
            "odd": {"contentType": "image/png"},
        },
    )
    told = one(requestBody={**media, "required": False})
    made = read_openapi(told).tools["op"]
    assert list(made.args["body"]["properties"]) == ["the_tags", "meta"]
    assert made.args["body"]["properties"]["the_tags"]["minItems"] == 1
    value = {"the_tags": ["1,2", "3"], "meta": {"order": "W1"}}
    (seen,) = arrived(told, ("op", {"body": value}))
    assert seen["body"] == "the%20tags=1%2C2,3&meta%5Border%5D=W1"
