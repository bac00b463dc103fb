"""Parameters on the wire: OpenAPI's own table of styles, names put back, and what is no path."""

from typing import Any

import pytest

from bb_core.errors import ToolError
from bb_core.http_call import HttpCall, Part, request

LIST, RGB = ["blue", "black", "brown"], {"R": 100, "G": 200, "B": 150}
PATHS = {
    ("simple", False, "list"): "blue,black,brown",
    ("simple", True, "list"): "blue,black,brown",
    ("simple", False, "map"): "R,100,G,200,B,150",
    ("simple", True, "map"): "R=100,G=200,B=150",
    ("label", False, "list"): ".blue,black,brown",
    ("label", True, "list"): ".blue.black.brown",
    ("label", False, "map"): ".R,100,G,200,B,150",
    ("label", True, "map"): ".R=100.G=200.B=150",
    ("matrix", False, "list"): ";color=blue,black,brown",
    ("matrix", True, "list"): ";color=blue;color=black;color=brown",
    ("matrix", False, "map"): ";color=R,100,G,200,B,150",
    ("matrix", True, "map"): ";R=100;G=200;B=150",
}
QUERIES = {
    ("form", False, "list"): [("color", "blue,black,brown")],
    ("form", True, "list"): [("color", "blue"), ("color", "black"), ("color", "brown")],
    ("form", False, "map"): [("color", "R,100,G,200,B,150")],
    ("form", True, "map"): [("R", "100"), ("G", "200"), ("B", "150")],
    ("spaceDelimited", False, "list"): [("color", "blue black brown")],
    ("pipeDelimited", False, "list"): [("color", "blue|black|brown")],
    ("deepObject", True, "map"): [("color[R]", "100"), ("color[G]", "200"), ("color[B]", "150")],
}


def one(part: Part, value: Any, **more: Any) -> Any:
    call = HttpCall("GET", "/x/{color}" if part.place == "path" else "/x", "", (part,), **more)
    return request(call, {part.arg: value})


@pytest.mark.parametrize(("row", "text"), PATHS.items())
def test_a_path_parameter_is_written_in_its_style(row: tuple[str, bool, str], text: str) -> None:
    style, explode, kind = row
    part = Part("color", "color", "path", {}, style, explode)
    assert one(part, LIST if kind == "list" else RGB).path == f"/x/{text}"


@pytest.mark.parametrize(("row", "pairs"), QUERIES.items())
def test_a_query_parameter_is_written_in_its_style(
    row: tuple[str, bool, str], pairs: list[tuple[str, str]]
) -> None:
    style, explode, kind = row
    part = Part("color", "color", "query", {}, style, explode)
    assert list(one(part, LIST if kind == "list" else RGB).query) == pairs


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_path_parameter_cannot_lead_to_another_path(value: str) -> None:
    with pytest.raises(ToolError, match="names no resource") as caught:
        one(Part("color", "color", "path"), value)
    assert caught.value.kind == "invalid"


def test_a_path_parameter_is_one_segment_whatever_it_holds() -> None:
    assert one(Part("color", "color", "path"), "../a b/ü?#").path == "/x/..%2Fa%20b%2F%C3%BC%3F%23"


def test_headers_and_cookies_hold_no_line_break() -> None:
    assert one(Part("a", "X-A", "header"), "b\r\nX-Evil: 1").headers == {"X-A": "b  X-Evil: 1"}
    assert one(Part("a", "a", "cookie"), "b; c=d").cookies == {"a": "b%3B%20c%3Dd"}


def test_scalars_are_json_words_and_null_is_nothing() -> None:
    for value, word in ((True, "true"), (1.5, "1.5"), (None, ""), ("a", "a")):
        assert one(Part("a", "a", "query"), value).query == (("a", word),)
    content = Part("a", "a", "query", content=True)
    assert one(content, {"b": [1]}).query == (("a", '{"b":[1]}'),)


def test_a_body_has_the_systems_own_names_at_every_depth() -> None:
    inner = {"type": "object", "properties": {"c_d": {"type": "integer", "x-wire": "c-d"}}}
    rows = {"type": "array", "items": {"anyOf": [{"type": "null"}, inner]}}
    parts = (Part("first_name", "first name", "field", {}), Part("rows", "rows", "field", rows))
    call = HttpCall("POST", "/x", "", parts, body="json", media="application/json")
    made = request(call, {"first_name": "Ada", "rows": [{"c_d": 1}, None]}, "k")
    assert made.content == b'{"first name": "Ada", "rows": [{"c-d": 1}, null]}'
    assert made.headers == {"Content-Type": "application/json"}  # it takes no key


def test_an_empty_json_body_is_an_object_where_fields_were_possible() -> None:
    parts = (Part("a", "a", "field"),)
    call = HttpCall("POST", "/x", "", parts, body="json", media="application/json")
    assert request(call, {}).content == b"{}"
    whole = HttpCall(
        "POST", "/x", "", (Part("body", "body", "body"),), body="json", media="application/json"
    )
    assert request(whole, {}).content is None
    assert request(whole, {"body": [1]}).content == b"[1]"


def test_a_form_repeats_lists() -> None:
    parts = (Part("a", "a", "field"), Part("b", "b", "field"))
    for kind in ("form", "multipart"):
        call = HttpCall("POST", "/x", "", parts, body=kind)  # type: ignore[arg-type]
        assert request(call, {"a": [1, 2], "b": True}).fields == (
            ("a", "1"),
            ("a", "2"),
            ("b", "true"),
        )
