"""A small domain with everything a harness judges, right in every part; tests spoil a part each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bb_core.adapters import Adapter, Adapters, Call
from bb_core.battery import Task
from bb_core.compiled import compile_domain
from bb_core.errors import ToolError
from bb_core.golden_file import Golden
from bb_core.skins import Skin
from bb_infra.domain_checks import Case, Domain, Skipped
from tests.schema_source import SchemaSource

COUNT = {"type": "integer", "minimum": 0, "maximum": 1000}
SCHEMA: dict[str, Any] = {
    "plan_schema": 1,
    "domain": "shelf",
    "types": {
        "Item": {"type": "string", "pattern": "^i[0-9]{3}$"},
        "Many": {"type": "integer", "minimum": 100, "maximum": 999},
    },
    "entities": {"item": {"key": "Item", "read": "look", "arg": "item"}},
    "facts": {"seen": {"entity": "item", "killed_by_write": True}},
    "labels": {"untrusted": {"trusted": False}},
    "tools": {
        "look": {
            "does": "Look at an item",
            "effect": "read",
            "args": {"item": {"type-name": "Item"}},
            "returns": {
                "type": "object",
                "properties": {"count": COUNT, "note": {"type": "string", "maxLength": 80}},
                "required": ["count", "note"],
            },
            "establishes": ["seen(args.item)"],
            "labels": {"/note": ["untrusted"]},
        },
        "take": {
            "does": "Take some of an item",
            "effect": "write",
            "args": {"item": {"type-name": "Item"}, "many": {"type-name": "Many"}},
            "returns": {"type": "object", "properties": {"left": COUNT}, "required": ["left"]},
            "entity": {"item": "args.item"},
            "requires": ["seen(args.item)"],
            "guards": [{"id": "enough", "expr": "args.many <= item.count", "says": "enough"}],
            "sinks": {"item": {"trusted": True}, "many": {"trusted": True}},
            "waives": {"compensation": "by hand"},
            "once_per": ["item"],
            "key": ["item", "many"],
        },
    },
}
LOOK = {"id": "n1", "tool": "look", "args": {"item": "i001"}}


def take(many: int, item: str = "i001") -> dict[str, Any]:
    """The plan that takes some of an item."""
    look = {**LOOK, "args": {"item": item}}
    args = {"item": item, "many": many}
    return {"steps": [look, {"id": "n2", "tool": "take", "args": args, "after": ["n1"]}]}


TAKE = Task("take", "Take 200 of i001.", (take(200),), {"/i001/count": 300})
OTHER = Task("other", "Take 700 of i002.", (take(700, "i002"),), {"/i002/count": 100})
COUNTED = Task("count", "How many of i001?", ({"steps": [LOOK]},))


class Shelf:
    """Counts of items, in memory."""

    def __init__(self, changes: Mapping[str, Any]) -> None:
        self.items: dict[str, dict[str, Any]] = {
            "i001": {"count": 500, "note": "", **changes.get("i001", {})},
            "i002": {"count": 800, "note": "", **changes.get("i002", {})},
        }
        self.done: dict[str, int] = {}

    def snapshot(self) -> Any:
        return {name: dict(item) for name, item in self.items.items()}

    def close(self) -> None:
        return None


def find(args: Mapping[str, Any], call: Call) -> dict[str, Any]:
    if args["item"] not in call.world.items:
        raise ToolError("invalid", "no such item")
    item: dict[str, Any] = call.world.items[args["item"]]
    return item


def look(args: Mapping[str, Any], call: Call) -> Any:
    return dict(find(args, call))


def taken(args: Mapping[str, Any], call: Call) -> Any:
    item = find(args, call)
    if call.key not in call.world.done:
        if args["many"] > item["count"]:
            raise ToolError("conflict", "not as many")
        item["count"] -= args["many"]
        call.world.done[call.key] = item["count"]
    return {"left": call.world.done[call.key]}


def foretold(args: Mapping[str, Any], before: Any) -> Mapping[str, Any]:
    """What taking will change."""
    return {f"/{args['item']}/count": before[args["item"]]["count"] - args["many"]}


TOOLS: Mapping[str, Adapter] = {"look": look, "take": taken}
ADAPTERS = Adapters(TOOLS, lambda settings: Shelf({}), Shelf, {"take": foretold}, Shelf)


@dataclass(frozen=True)
class ShelfSource(SchemaSource):
    """The shelf's hooks."""

    battery: Sequence[Task] = (TAKE, OTHER, COUNTED)
    skins: Sequence[Skin] = ()
    adapters: Adapters = field(default_factory=lambda: ADAPTERS)

    def ask(self, hook: str) -> Any:
        own = {
            "eval_battery": self.battery,
            "invariance_skins": self.skins,
            "tool_adapters": self.adapters,
        }
        return own[hook] if hook in own else super().ask(hook)


def shelf(schema: Mapping[str, Any] = SCHEMA, adapters: Adapters = ADAPTERS, **rest: Any) -> Domain:
    """The shelf as a domain to be checked, with what a test put in a part's place."""
    source = ShelfSource("shelf", schema, adapters=adapters, **rest)
    return Domain(compile_domain(source), Golden(), adapters, source.battery)


def with_tool(name: str, adapter: Adapter) -> Adapters:
    """The adapters, one of them another."""
    return replace(ADAPTERS, tools={**TOOLS, name: adapter})


def changed(tool: str, **change: Any) -> dict[str, Any]:
    """The schema with some of a tool's entries changed; None takes one out."""
    spec = {**SCHEMA["tools"][tool], **change}
    kept = {key: value for key, value in spec.items() if value is not None}
    return {**SCHEMA, "tools": {**SCHEMA["tools"], tool: kept}}


def problems(cases: Callable[[Domain], Any], domain: Domain) -> dict[str, str]:
    """The cases that do not hold, by name."""
    return {case.name: found for case in cases(domain) if (found := _problem(case))}


def _problem(case: Case) -> str:
    try:
        return case.problem()
    except Skipped:
        return ""
