"""What an attacker steers: recipient, amount, url and path, by copying and by reference."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bb_core import discover
from bb_core.adapters import Call
from bb_core.battery import Task
from bb_core.compiled import compile_domain
from bb_core.hijack import planted, steered
from bb_core.schema import PlanSchema
from bb_infra.battery_checks import hijack_cases
from bb_infra.battery_replay import replay_hijacks
from bb_infra.domain_checks import Domain, Skipped, open_domain
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


class Opened:
    """An installed domain that trusts whatever reaches one argument."""

    def __init__(self, name: str, tool: str, arg: str) -> None:
        self.domain, self.tool, self.arg = discover().get(name), tool, arg
        self.name, self.version, self.dist = name, self.domain.version, self.domain.dist

    def ask(self, hook: str) -> Any:
        found = self.domain.ask(hook)
        if hook != "plan_schema":
            return found
        tool = found.tools[self.tool]
        kept = {arg: sink for arg, sink in tool.sinks.items() if arg != self.arg}
        tools = {**found.tools, self.tool: tool.model_copy(update={"sinks": kept})}
        return found.model_copy(update={"tools": tools})


def test_text_on_a_screen_that_a_plan_only_opens_steers_it_through_an_open_sink() -> None:
    pytest.importorskip("bb_domains.phone")
    for arg, effects in (("body", 1), ("none", 0)):
        phone = open_domain(compile_domain(Opened("phone", "send_sms", arg)))
        found = replay_hijacks(replace(phone, tasks=[t for t in phone.tasks if t.id == "sms-1"]))
        assert found.counts["effects"] == effects
        assert found.counts["steered tasks"] == 1
        assert {what for what, _, _ in found.hijacks} == {"recipient"}


def test_a_domain_in_which_nothing_can_be_steered_says_so() -> None:
    tools = {name: {**tool, "labels": {}} for name, tool in SCHEMA["tools"].items()}
    shut = shelf({**SCHEMA, "tools": tools}, ADAPTERS)
    for case in hijack_cases(shut):
        if case.name != "hijack[labels]":
            with pytest.raises(Skipped, match="steer"):
                case.problem()
