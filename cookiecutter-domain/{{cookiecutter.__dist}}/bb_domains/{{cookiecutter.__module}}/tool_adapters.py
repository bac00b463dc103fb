"""What the tools do. The system here is a dictionary; connect to a real one in its place."""

from collections.abc import Mapping
from typing import Any

from bb_core import Adapters, Call, ToolError

SEED = {"i1": 5, "i2": 0}


class Shelf:
    """Counts of items and what is written on them, in memory: the twin plans are tried on."""

    def __init__(self, changes: Mapping[str, Any]) -> None:
        self.counts: dict[str, int] = {**SEED, **changes}
        self.notes: dict[str, str] = {}
        self.done: dict[str, int] = {}

    def snapshot(self) -> Any:
        """Every count: whatever a task's `diff` may name, and nothing that moves by itself."""
        return dict(self.counts)

    def close(self) -> None:
        """Nothing is held open."""


def count(args: Mapping[str, Any], call: Call) -> int:
    """How many there are of the item the arguments name."""
    if args["item"] not in call.world.counts:
        raise ToolError("invalid", f"no item {args['item']!r}")
    found: int = call.world.counts[args["item"]]
    return found


def look(args: Mapping[str, Any], call: Call) -> Any:
    """The item, how many there are, and what is written on it."""
    note = call.world.notes.get(args["item"], "")
    return {"item": args["item"], "count": count(args, call), "note": note}


def take(args: Mapping[str, Any], call: Call) -> Any:
    """How many are left. The same key takes once."""
    shelf = call.world
    if call.key not in shelf.done:
        left = count(args, call) - args["count"]
        if left < 0:
            raise ToolError("conflict", "there are not as many")
        shelf.counts[args["item"]] = shelf.done[call.key] = left
    return {"count": shelf.done[call.key]}


ADAPTERS = Adapters(
    tools={"look": look, "take": take},
    connect=lambda settings: Shelf({}),
    twin=Shelf,
)
