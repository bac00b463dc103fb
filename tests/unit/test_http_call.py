"""Bodies on the wire: names put back, fields and forms."""

from bb_core.http_call import HttpCall, request
from bb_core.http_part import Part


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
    call = HttpCall("POST", "/x", "", parts, body="form", media="application/x-form")
    made = request(call, {"a": [1, "2&"], "b": True})
    assert (made.content, made.headers) == (
        b"a=1&a=2%26&b=true",
        {"Content-Type": "application/x-form"},
    )
    assert request(call, {}).content is None
    call = HttpCall("POST", "/x", "", parts, body="multipart")
    rows = (("a", "1", ""), ("a", "2", ""), ("b", '{"c":1}', "application/json"))
    assert request(call, {"a": [1, 2], "b": {"c": 1}}).pieces == rows
