"""Laws of the wire: what a plan says arrives as it was said, or is not sent."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bb_core.errors import ToolError
from bb_core.http_call import HttpCall, HttpRequest, request
from bb_core.http_part import Part

PLACES: list[tuple[Any, str, bool]] = [
    ("path", "simple", False),
    ("path", "simple", True),
    ("path", "label", False),
    ("path", "label", True),
    ("path", "matrix", False),
    ("path", "matrix", True),
    ("query", "form", False),
    ("query", "form", True),
    ("query", "spaceDelimited", False),
    ("query", "pipeDelimited", False),
    ("query", "deepObject", True),
    ("header", "simple", False),
    ("header", "simple", True),
    ("cookie", "form", False),
    ("field", "form", False),
    ("field", "", True),
]
ITEMS = st.text("ab,.;=&|% ü+", max_size=4)
LISTS = st.lists(ITEMS, max_size=3)
MAPS = st.fixed_dictionaries({}, optional={"a": ITEMS, "b": ITEMS})


def sent(row: tuple[Any, str, bool], value: Any) -> HttpRequest | None:
    """The request, or None where it is refused."""
    place, style, explode = row
    part = Part("c", "c", place, style=style, explode=explode, needed=True)
    path = "/x/{c}/y" if place == "path" else "/x"
    try:
        return request(HttpCall("GET", path, "", (part,), body="form", media="m"), {"c": value})
    except ToolError as error:
        assert error.kind == "invalid"
        return None


@st.composite
def two_lists(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two lists that differ, often in where an item ends and no more."""
    items = draw(st.lists(ITEMS, min_size=1, max_size=3))
    joined = [draw(st.sampled_from(",.; |&")).join(items)]
    return items, draw(st.just(joined) | st.lists(ITEMS, max_size=3))


@pytest.mark.parametrize("row", PLACES)
@given(st.one_of(two_lists(), st.tuples(MAPS, MAPS)))
@settings(max_examples=80)
def test_what_differs_arrives_differently(row: Any, two: tuple[Any, Any]) -> None:
    one, other = (sent(row, value) for value in two)
    if two[0] != two[1] and one is not None:
        assert one != other


def read(row: tuple[Any, str, bool], made: HttpRequest) -> list[str]:
    """A list as its receiver reads it: split first, then decoded (RFC 6570)."""
    place, style, explode = row
    if place == "header":
        return made.headers["c"].split(",")
    if place == "cookie":
        return unquote(made.cookies["c"]).split(",")
    texts = [text for _, text in made.query]
    if place == "path":
        texts = [made.path.removeprefix("/x/").removesuffix("/y")]
    if not (place == "query" and explode):
        separator = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}.get(style, ",")
        texts = texts[0].split(separator)
    return [unquote(text) for text in texts]


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in PLACES
        if row[1] not in ("label", "matrix", "deepObject") and row[0] != "field"
    ],
)
@given(st.lists(ITEMS, min_size=1, max_size=3))
@settings(max_examples=80)
def test_a_list_is_read_back(row: Any, items: list[str]) -> None:
    made = sent(row, items)
    if row[1] == "form" and row[0] == "query":
        assert made is not None  # whatever the items hold
    if made is not None:
        assert read(row, made) == items
