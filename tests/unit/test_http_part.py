"""Values in OpenAPI's styles: the specification's own table, and what no style can say."""

from dataclasses import replace
from typing import Any

import pytest

from bb_core.errors import ToolError
from bb_core.http_call import HttpCall, HttpRequest, request
from bb_core.http_part import Part, is_json
from tests.imports.wire import TEXT, TEXTS, arrived, one

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
    ("form", False, "list"): "color=blue,black,brown",
    ("form", True, "list"): "color=blue&color=black&color=brown",
    ("form", False, "map"): "color=R,100,G,200,B,150",
    ("form", True, "map"): "R=100&G=200&B=150",
    ("spaceDelimited", False, "list"): "color=blue%20black%20brown",
    ("pipeDelimited", False, "list"): "color=blue%7Cblack%7Cbrown",
    ("deepObject", True, "map"): "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150",
}


def made(part: Part, value: Any) -> HttpRequest:
    path = "/x/{color}" if part.place == "path" else "/x"
    return request(HttpCall("GET", path, "", (part,)), {part.arg: value})


def query(part: Part, value: Any) -> str:
    return "&".join(f"{name}={text}" for name, text in made(part, value).query)


@pytest.mark.parametrize(("row", "text"), PATHS.items())
def test_a_path_parameter_is_written_in_its_style(row: tuple[str, bool, str], text: str) -> None:
    style, explode, kind = row
    part = Part("color", "color", "path", {}, style, explode)
    assert made(part, LIST if kind == "list" else RGB).path == f"/x/{text}"


@pytest.mark.parametrize(("row", "text"), QUERIES.items())
def test_a_query_parameter_is_written_in_its_style(row: tuple[str, bool, str], text: str) -> None:
    style, explode, kind = row
    part = Part("color", "color", "query", {}, style, explode)
    assert query(part, LIST if kind == "list" else RGB) == text


@pytest.mark.parametrize("style", ["simple", "label", "matrix"])
@pytest.mark.parametrize("explode", [False, True])
@pytest.mark.parametrize("value", ["", None, [], {}])
def test_a_path_parameter_is_never_empty(style: str, explode: bool, value: Any) -> None:
    with pytest.raises(ToolError, match="names no resource"):
        made(Part("color", "color", "path", {}, style, explode), value)


@pytest.mark.parametrize("value", [".", "..", [".."], [""]])
def test_a_path_parameter_cannot_lead_to_another_path(value: Any) -> None:
    with pytest.raises(ToolError, match="names no resource") as caught:
        made(Part("color", "color", "path"), value)
    assert caught.value.kind == "invalid"


def test_a_path_parameter_is_one_segment_whatever_it_holds() -> None:
    found = made(Part("color", "color", "path"), "../a b/ü?#").path
    assert found == "/x/..%2Fa%20b%2F%C3%BC%3F%23"


def test_headers_and_cookies_hold_no_line_break() -> None:
    assert made(Part("a", "X-A", "header"), "b\r\nX-Evil: 1").headers == {"X-A": "b  X-Evil: 1"}
    assert made(Part("a", "a", "cookie"), "b; c=d").cookies == {"a": "b%3B%20c%3Dd"}


def test_scalars_are_json_words_and_null_is_nothing() -> None:
    for value, word in ((True, "true"), (1.5, "1.5"), (None, ""), ("a", "a")):
        assert query(Part("a", "a", "query"), value) == f"a={word}"


@pytest.mark.parametrize(
    ("value", "text"),
    [("abc", "%22abc%22"), (None, "null"), ([], "%5B%5D"), ({"b": 1}, "%7B%22b%22%3A1%7D")],
)
def test_a_parameter_with_json_as_its_content_is_json(value: Any, text: str) -> None:
    assert query(Part("a", "a", "query", content=True, needed=True), value) == f"a={text}"
    assert made(Part("a", "a", "header", content=True), "abc").headers == {"a": '"abc"'}


def parameter(place: str, schema: Any, **more: Any) -> dict[str, Any]:
    return one(parameters=[{"name": "ids", "in": place, "schema": schema, **more}])


def test_an_item_with_a_comma_arrives_as_one_item() -> None:
    told = parameter("query", TEXTS, explode=False)
    calls = [("op", {"ids": ids}) for ids in (["draft,prod"], ["draft", "prod"])]
    paths = [seen["path"] for seen in arrived(told, *calls)]
    assert paths == ["/x?ids=draft%2Cprod", "/x?ids=draft,prod"]
    role = {"type": "object", "properties": {"role": TEXT, "admin": TEXT}}
    told = parameter("query", role, explode=False)
    (seen,) = arrived(told, ("op", {"ids": {"role": "user,admin,true"}}))
    assert seen["path"] == "/x?ids=role,user%2Cadmin%2Ctrue"


@pytest.mark.parametrize(
    ("place", "style", "explode", "value"),
    [
        ("query", "spaceDelimited", False, ["a b"]),
        ("query", "pipeDelimited", False, ["a|b"]),
        ("header", "simple", False, ["a,b"]),
        ("header", "simple", False, {"role": "user,admin,true"}),
        ("header", "simple", True, {"role": "user,admin=true"}),
        ("cookie", "form", False, ["a,b"]),
        ("path", "label", True, ["a.b"]),
    ],
)
def test_an_item_that_would_arrive_as_several_is_not_sent(
    place: Any, style: str, explode: bool, value: Any
) -> None:
    part = Part("color", "color", place, {}, style, explode)
    with pytest.raises(ToolError, match="which stands between items") as caught:
        made(part, value)
    assert caught.value.kind == "invalid"
    fine = ["c", "d"] if isinstance(value, list) else {"role": "user"}
    assert made(part, fine) != HttpRequest("GET", "/x")


@pytest.mark.parametrize(
    ("place", "style", "value"),
    [
        ("query", "", []),
        ("query", "pipeDelimited", []),
        ("query", "", {}),
        ("query", "deepObject", {}),
        ("query", "deepObject", {"a": []}),
        ("header", "", []),
        ("header", "", {}),
        ("cookie", "", []),
        ("field", "", []),
        ("field", "form", {}),
    ],
)
def test_a_required_argument_of_which_nothing_would_be_sent_is_refused(
    place: Any, style: str, value: Any
) -> None:
    part = Part("ids", "ids", place, style=style)
    call = HttpCall("DELETE", "/files", "", (part,), body="form", media="x")
    assert request(call, {"ids": value}) == HttpRequest("DELETE", "/files")
    call = replace(call, parts=(replace(part, needed=True),))
    with pytest.raises(ToolError, match="nothing of it would be sent") as caught:
        request(call, {"ids": value})
    assert caught.value.kind == "invalid"


@pytest.mark.parametrize(
    ("media", "says"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/vnd.x.v1+json", True),
        ("application/jsonl", False),
        ("application/json-seq", False),
        ("application/json-lines; a=b", False),
        ("application/geo+json-seq", False),
    ],
)
def test_json_is_one_value_and_no_sequence(media: str, says: bool) -> None:
    assert is_json(media) is says
