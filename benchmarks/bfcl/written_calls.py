"""BFCL's calls as text, for the arm that writes them: `name {"argument": value}`, a call a line."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bfcl.domain import Call, Record

NOTHING = "none"
"""What is written where no function helps."""
UNREADABLE: Call = ("", {})
"""A line that is no call; never right."""


def offer(one: Record) -> str:
    """The functions on offer, then the request."""
    return "\n".join([*map(_shown, one.told), one.text])


def _shown(function: Mapping[str, Any]) -> str:
    """A function: its name, its arguments with their types or closed values, its sentence."""
    args = (
        f"{name}: {_kind(schema)}" for name, schema in function["parameters"]["properties"].items()
    )
    does = " ".join(function.get("description", "").split())
    return f"{function['name']}({', '.join(args)}): {does}"


def _kind(schema: Mapping[str, Any]) -> str:
    closed = " | ".join(str(value) for value in schema.get("enum", ()))
    return closed or str(schema.get("type", "any"))


def target(one: Record) -> str:
    """The calls that are wanted, each argument in the way that the request says if it says one."""
    lines = (f"{name} {json.dumps(_chosen(ways, one.text))}" for name, ways in one.wanted)
    return "\n".join(lines) or NOTHING


def _chosen(ways: Mapping[str, Sequence[Any]], text: str) -> dict[str, Any]:
    """One way for each argument; one that may be left out stands only where its value is said."""
    found: dict[str, Any] = {}
    for name, own in ways.items():
        said = [way for way in own if way != "" and _says(text, way)]
        if said or (own and "" not in own):
            found[name] = _plain([*said, *own][0], text)
    return found


def _says(text: str, way: Any) -> bool:
    return re.search(rf"(?<!\w){re.escape(str(way).lower())}(?!\w)", text.lower()) is not None


def _plain(way: Any, text: str) -> Any:
    if isinstance(way, list):
        return [_plain(item, text) for item in way]
    return _chosen(way, text) if isinstance(way, dict) else way


def calls(written: str) -> list[Call]:
    """The calls of a text; a line that is none stays as one that is wrong."""
    lines = [line.strip() for line in written.strip().split("\n") if line.strip()]
    return [] if lines == [NOTHING] else [_call(line) for line in lines] or [UNREADABLE]


def _call(line: str) -> Call:
    found = re.fullmatch(r"(\S+) (\{.*\})", line)
    try:
        args = json.loads(found[2]) if found else None
    except ValueError:
        args = None
    return (found[1], args) if found and isinstance(args, dict) else UNREADABLE
