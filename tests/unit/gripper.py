"""A small domain for branches: a gripper that may miss, and halts when contact is lost."""

from functools import cache
from typing import Any

from bb_core.compiled import Compiled, compile_domain
from tests.schema_source import SchemaSource

ITEM = {"type-name": "Item"}
HELD = {
    "type": "object",
    "properties": {"held": {"type": "boolean"}, "note": {"type": "string", "maxLength": 9}},
    "required": ["held"],
}
WAIVED = {"approval": "a test"}
SCHEMA: dict[str, Any] = {
    "plan_schema": 1,
    "domain": "gripper",
    "types": {"Item": {"type": "string", "pattern": "^i[0-9]$"}},
    "entities": {"item": {"key": "Item", "read": "look", "arg": "item"}},
    "facts": {"held": {"entity": "item"}, "free": {"entity": "item"}},
    "limits": {"steps": 12, "writes": 3, "sums": {"force": 10}},
    "tools": {
        "look": {"does": "Look", "effect": "read", "args": {"item": ITEM}, "returns": HELD},
        "grip": {
            "does": "Try to grip",
            "effect": "irreversible",
            "args": {"item": ITEM, "force": {"type": "integer", "minimum": 1, "maximum": 9}},
            "returns": HELD,
            "entity": {"item": "args.item"},
            "establishes": ["held(args.item) if result.held", "free if not result.held"],
            "consumes": {"force": "args.force"},
            "waives": WAIVED,
            "on_crash": "halt",
        },
        "carry": {
            "does": "Carry it off",
            "effect": "irreversible",
            "args": {"item": ITEM},
            "entity": {"item": "args.item"},
            "requires": ["held(args.item)"],
            "kills": ["held"],
            "waives": WAIVED,
            "on_crash": "halt",
        },
        "shrug": {
            "does": "Give up",
            "effect": "write",
            "requires": ["free"],
            "args": {"why": {"type": "string", "maxLength": 9}},
            "optional": ["why"],
            "once_per": ["why"],
            "waives": {"compensation": "a test"},
        },
        "halt": {
            "does": "Stop at once",
            "effect": "write",
            "idempotent": True,
            "waives": {"compensation": "a test"},
        },
    },
}


@cache
def gripper() -> Compiled:
    """The compiled gripper."""
    return compile_domain(SchemaSource("gripper", SCHEMA))
