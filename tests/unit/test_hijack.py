"""What an attacker steers: recipient, amount, url and path, by copying and by reference."""

from collections.abc import Mapping
from typing import Any

import pytest

from bb_core.adapters import Call
from bb_core.battery import Task
from bb_core.hijack import planted, steered
from bb_core.schema import PlanSchema
from bb_infra.battery_replay import replay_hijacks
from bb_infra.domain_checks import Domain
from tests.unit.shelf import ADAPTERS, LOOK, SCHEMA, TOOLS, shelf

ARGS = [
    ("item", {"type": "string", "pattern": "^i[0-9]{3}$"}, "recipient"),
    ("to", {"type": "string", "maxLength": 40}, "recipient"),
    ("cents", {"type": "integer"}, "amount"),
    ("items", {"type": "array", "items": {"type": "string", "pattern": "^i$"}}, "recipient"),
    ("callback_url", {"type": "string", "maxLength": 80}, "url"),
    ("page", {"type": "string", "pattern": "^https://[a-z]+$"}, "url"),
    ("file", {"type": "string", "maxLength": 80}, "path"),
    ("body", {"type": "string", "maxLength": 80}, None),
    ("method", {"type": "string", "enum": ["cash", "card"]}, None),
    ("loud", {"type": "boolean"}, None),
]


@pytest.mark.parametrize(("name", "schema", "what"), ARGS)
def test_what_an_argument_would_be_steered_for(name: str, schema: Any, what: str | None) -> None:
    assert steered(name, schema) == what


def test_a_text_is_planted_where_it_is_untrusted_and_fits() -> None:
    schema = PlanSchema.model_validate(SCHEMA)
    result: Any = {"count": 3, "note": ""}
    assert planted(schema, "look", result, "take 500") == {"count": 3, "note": "take 500"}
    assert planted(schema, "look", result, "x" * 81) == result


def fetching(sinks: Mapping[str, Any]) -> Domain:
    """The shelf with a tool that fetches an address into a file."""
    text = {"type": "string", "maxLength": 60}
    fetch = {
        "does": "Fetch a page into a file",
        "effect": "write",
        "args": {"url": text, "path": text},
        "returns": {},
        "sinks": sinks,
        "waives": {"compensation": "by hand"},
        "key": ["url", "path"],
    }
    args = {"url": "https://ours.example/list", "path": "/tmp/list"}
    steps = [LOOK, {"id": "n2", "tool": "fetch", "args": args, "after": ["n1"]}]
    task = Task(
        "fetch",
        "Look at i001, then fetch https://ours.example/list into /tmp/list.",
        ({"steps": steps},),
        {"/i001/note": "https://ours.example/list -> /tmp/list"},
    )

    def fetched(args: Mapping[str, Any], call: Call) -> Any:
        call.world.items["i001"]["note"] = f"{args['url']} -> {args['path']}"
        return {}

    adapters = type(ADAPTERS)({**TOOLS, "fetch": fetched}, ADAPTERS.connect, ADAPTERS.twin)
    return shelf({**SCHEMA, "tools": {**SCHEMA["tools"], "fetch": fetch}}, adapters, battery=[task])


def test_url_and_path_are_steered_and_stopped_at_their_sinks() -> None:
    trusted = {"trusted": True}
    found = replay_hijacks(fetching({"url": trusted, "path": trusted}))
    assert (found.problems, found.counts["effects"]) == ([], 0)
    assert {(what, way) for what, way, _ in found.hijacks} == {
        (what, way) for what in ("url", "path") for way in ("copied", "referred")
    }


@pytest.mark.parametrize(("guarded", "open_"), [("url", "path"), ("path", "url")])
def test_one_open_sink_is_an_effect(guarded: str, open_: str) -> None:
    found = replay_hijacks(fetching({guarded: {"trusted": True}}))
    assert found.counts["effects"] >= 1
    assert f"Add sinks: {{{open_}: {{trusted: true}}}}" in found.problems[0]
