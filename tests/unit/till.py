"""A small domain for checker tests: a till that pays out of accounts after asking."""

from functools import cache
from typing import Any

from bb_core.compiled import Compiled, compile_domain
from tests.schema_source import SchemaSource


def named(name: str) -> dict[str, str]:
    return {"type-name": name}


ACCOUNT = {
    "type": "object",
    "properties": {
        "account": named("Account"),
        "owner": named("Person"),
        "balance": {"type": "integer", "minimum": 0, "maximum": 900},
        "note": {"type": "string", "maxLength": 80},
        "mail": {"type": "string", "maxLength": 60},
        "open": {"type": "boolean"},
        "cards": {"type": "array", "maxItems": 3, "items": named("Card")},
    },
    "required": ["account", "owner", "balance", "note", "mail", "open", "cards"],
    "additionalProperties": False,
}
PAY: dict[str, Any] = {
    "does": "Pay money out of an account",
    "effect": "irreversible",
    "args": {
        "account": named("Account"),
        "cents": named("Cents"),
        "method": {"enum": ["cash", "card"]},
    },
    "entity": {"account": "args.account"},
    "requires": ["known", "seen(args.account)", "approved"],
    "guards": [
        {"id": "covered", "expr": "args.cents <= account.balance", "says": "the account covers it"},
        {"id": "round", "expr": "args.cents % 5 == 0", "says": "cents come in fives"},
    ],
    "consumes": {"paid": "args.cents"},
    "once_per": ["account", "cents"],
    "sinks": {"cents": {"trusted": True}},
    "excludes": ["give_up"],
}
SCHEMA: dict[str, Any] = {
    "plan_schema": 1,
    "domain": "till",
    "types": {
        "Person": {"type": "string", "pattern": "^p[0-9]$"},
        "Account": {"type": "string", "pattern": "^a[0-9]$"},
        "Card": {"type": "string", "pattern": "^c[0-9]$"},
        "Cents": {"type": "integer", "minimum": 1, "maximum": 500},
    },
    "entities": {
        "person": {"key": "Person", "read": "who", "arg": "name"},
        "account": {"key": "Account", "read": "look", "arg": "account"},
    },
    "facts": {
        "known": {"entity": "person", "exclusive": True},
        "seen": {"entity": "account", "killed_by_write": True},
    },
    "labels": {"private": {"readers": ["owner"]}, "untrusted": {"trusted": False}},
    "limits": {"steps": 8, "depth": 6, "width": 4, "writes": 2, "rounds": 2, "sums": {"paid": 600}},
    "tools": {
        "who": {
            "does": "Find a person",
            "effect": "read",
            "args": {"name": {"type": "string", "maxLength": 20}},
            "returns": {
                "type": "object",
                "properties": {"person": named("Person")},
                "required": ["person"],
            },
            "establishes": ["known(result.person)"],
        },
        "look": {
            "does": "Look at an account",
            "effect": "read",
            "args": {"account": named("Account")},
            "returns": ACCOUNT,
            "echoes": {"/account": "account"},
            "requires": ["known"],
            "establishes": ["seen(args.account)"],
            "ensures": [
                {"id": "own", "expr": "result.owner == facts.known", "says": "it is their own"}
            ],
            "labels": {"/note": ["untrusted"], "/mail": ["private"]},
        },
        "ask": {
            "does": "Ask the person",
            "effect": "read",
            "args": {"text": {"type": "string", "maxLength": 80}},
            "approves": True,
        },
        "pay": PAY,
        "move": {
            "does": "Rename an account",
            "effect": "write",
            "args": {"account": named("Account"), "label": {"type": "string", "maxLength": 20}},
            "entity": {"account": "args.account"},
            "requires": ["seen(args.account)"],
        },
        "post": {
            "does": "Post to the public board",
            "effect": "write",
            "args": {"text": {"type": "string", "maxLength": 80}},
            "optional": ["text"],
            "entity": {"person": "args.text"},
            "sinks": {"text": {"readers": ["owner", "public"]}},
            "waives": {"compensation": "a post can be deleted by hand"},
        },
        "scrub": {
            "does": "Remove private parts from a text",
            "effect": "pure",
            "args": {"text": {"type": "string", "maxLength": 80}},
            "returns": {"type": "string", "maxLength": 80},
            "declassifies": ["private"],
            "fallible": False,
        },
        "give_up": {
            "does": "Hand over to a person",
            "effect": "write",
            "entity": {"person": "args.why"},
            "args": {"why": {"type": "string", "maxLength": 40}},
        },
    },
}


@cache
def till() -> Compiled:
    """The compiled till."""
    return compile_domain(SchemaSource("till", SCHEMA))
