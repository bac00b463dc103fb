"""Where a scene says the values of a slot, and what a stretch of it says.

In the request a type's readers and patterns find values. An observation line is JSON: its strings,
numbers and truth values are what they are, and fit where the tool's schema says that they do.

Not covered: values that a text only means ("half of it", "the cheaper one").
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from bb_core.canonical import Json
from bb_core.errors import Inexpressible
from bb_core.fit import at as schema_at
from bb_core.fit import fit
from bb_core.reading import NUMERAL, READ, Span, spans
from bb_core.scene import Scene
from bb_core.schema import PlanSchema
from bb_core.slots import Slot, same
from bb_core.structure import validator

_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?|true|false|null')
Path = tuple[str, ...]


def spots(schema: PlanSchema, scene: Scene, slot: Slot) -> tuple[Span, ...]:
    """The places of a scene that read as a value of the slot, by place; each place once."""
    found = spans(_readable(schema, slot), scene.request)
    return found + tuple(_observed(schema, scene, slot)) if scene.lines else found


def _readable(schema: PlanSchema, slot: Slot) -> Mapping[str, Any]:
    """The slot's schema; a plain number is written as the domain's numbers are."""
    kind = slot.schema.get("type")
    if kind not in ("integer", "number") or READ in slot.schema or "x-type" in slot.schema:
        return slot.schema
    own = [t[READ] for t in schema.types.values() if t.get("type") == kind and READ in t]
    plain = {"text": NUMERAL, "as": "{1}"}
    return (
        {**slot.schema, READ: [*(row for rows in own for row in rows), plain]}
        if own
        else slot.schema
    )


def said(schema: PlanSchema, scene: Scene, slot: Slot, start: int, end: int) -> Json:
    """The value that the slot reads at these characters; raises Inexpressible where it is none.

    For text, any stretch says itself.
    """
    for spot in spots(schema, scene, slot):
        if (spot.start, spot.end) == (start, end):
            return spot.value
    text = scene.text[start:end]
    if slot.kind == "text" and text and validator(slot.key).is_valid(text):
        return text
    found = f"{text[:80]!r} does not read as its value"
    raise Inexpressible(found, where=f"{slot} at {start}-{end}")


def places(schema: PlanSchema, scene: Scene, slot: Slot, value: Json) -> list[Span]:
    """Everywhere that a scene says this value, by place.

    For text that is wherever it stands, in the middle of words only if nowhere else.
    """
    found = [spot for spot in spots(schema, scene, slot) if same(spot.value, value)]
    if slot.kind != "text" or not isinstance(value, str) or not value:
        return found
    if not validator(slot.key).is_valid(value):
        return []
    have = {(spot.start, spot.end) for spot in found}
    read = {(spot.start, spot.end) for spot in spots(schema, scene, slot)} - have
    more = {match.span() for match in re.finditer(re.escape(value), scene.text)} - read
    every = [Span(start, end, value) for start, end in sorted(have | more)]
    return [spot for spot in every if _whole(scene.text, spot)] or every


def _whole(text: str, spot: Span) -> bool:
    """Whether a stretch ends where words end."""
    before = text[spot.start - 1 : spot.start] + text[spot.start]
    behind = text[spot.end - 1] + text[spot.end : spot.end + 1]
    return not any(len(pair) == 2 and pair.isalnum() for pair in (before, behind))


def _observed(schema: PlanSchema, scene: Scene, slot: Slot) -> Iterator[Span]:
    for begin, line in scene.lines:
        for path, start, end, value in scalars(line):
            have = _promised(schema, line, path)
            if have is None or fit(have, slot.schema) == "no":
                continue
            if validator(slot.key).is_valid(value):
                yield Span(begin + start, begin + end, value)


def _promised(schema: PlanSchema, line: str, path: Path) -> Mapping[str, Any] | None:
    """What the tool's schema says of a place in its observation line."""
    tool = _tool(line)
    if tool not in schema.tools or len(path) < 2:
        return None
    if path[0] == "result":
        return schema_at(schema.result(tool), list(path[1:]))
    if path[0] == "args" and path[1] in schema.tools[tool].args:
        return schema_at(schema.arg(tool, path[1]), list(path[2:]))
    return None


@lru_cache(maxsize=256)
def _tool(line: str) -> str:
    try:
        told = json.loads(line)
    except ValueError:
        return ""
    return str(told.get("tool", "")) if isinstance(told, dict) else ""


@lru_cache(maxsize=256)
def scalars(line: str) -> tuple[tuple[Path, int, int, Json], ...]:
    """Every scalar of a JSON text: its path, its characters (a string's quotes left out), itself.

    Empty for a text that is not JSON.
    """
    try:
        json.loads(line)
    except ValueError:
        return ()
    return tuple(_walk(line))


def _walk(line: str) -> Iterator[tuple[Path, int, int, Json]]:
    path: list[str | int] = []
    at, key = 0, False
    while at < len(line):
        mark = line[at]
        if mark in "{[":
            path.append("" if mark == "{" else 0)
            key = mark == "{"
        elif mark in "}]":
            path.pop()
        elif mark == "," and path:
            key = isinstance(path[-1], str)
            path[-1] = "" if isinstance(path[-1], str) else path[-1] + 1
        elif mark == ":":
            key = False
        elif match := _SCALAR.match(line, at):
            value = json.loads(match[0])
            if key:
                path[-1] = value
            else:
                quote = int(mark == '"')
                yield tuple(map(str, path)), match.start() + quote, match.end() - quote, value
            at = match.end()
            continue
        at += 1
