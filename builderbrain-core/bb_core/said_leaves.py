"""Texts and numbers of a stranger's JSON Schema as types a plan can say: with an end, and exact.

Where the document sets no bound, or one the plan language cannot count to, a bound is proposed;
what is left to the server to judge is noted. A proposed bound is for a person to look at.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bb_core.errors import SchemaError
from bb_core.json_refs import Unsayable
from bb_core.typed import language

Schema = Mapping[str, Any]
LONGEST_TEXT, MOST_ITEMS, LONGEST_REPEAT = 200, 16, 64
LARGEST = {"integer": 999_999_999_999_999, "number": 999_999_999}
FORMATS = {
    "uuid": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "date": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "time": "^[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?$",
    "date-time": (
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"
        "(Z|[+-][0-9]{2}:[0-9]{2})$"
    ),
    "ipv4": "^[0-9]{1,3}([.][0-9]{1,3}){3}$",
}
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_"}
_OPEN_COUNT = re.compile(r"\{([0-9]+),\}")


@dataclass
class Margin:
    """What a reading leaves beside the types: bounds it proposes, and what it wants known."""

    given: Mapping[str, Schema] = field(default_factory=dict)
    proposed: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def at(self, path: str) -> Schema:
        """The bounds a person set at this place."""
        return self.given.get(path, {})

    def propose(self, path: str, **bounds: Any) -> None:
        """Mark a bound that is not the document's own."""
        self.proposed.setdefault(path, {}).update(bounds)

    def note(self, path: str, text: str) -> None:
        """Something a person should know of this place."""
        self.notes.append(f"{path}: {text}")


def text(schema: Schema, path: str, margin: Margin) -> dict[str, Any]:
    """A text with an end; raises Unsayable for a file, or where it would have to be longer."""
    if is_file(schema):
        raise Unsayable("takes a file, which a plan cannot say")
    given = margin.at(path)
    out = _patterned(schema, given, path, margin)
    if out:
        return out
    own = schema.get("maxLength")
    most = min(schema.get("maxLength", LONGEST_TEXT), given.get("maxLength", LONGEST_TEXT))
    if most != own:
        margin.propose(path, maxLength=most)
    least = schema.get("minLength", 0)
    if least > most:
        raise Unsayable(f"wants {least} characters or more")
    return {"type": "string", **({"minLength": least} if least else {}), "maxLength": most}


def is_file(schema: Schema) -> bool:
    """Whether a value is bytes: 3.0's format binary, 3.1's contentMediaType without an encoding."""
    media = schema.get("contentMediaType", "")
    raw = media and not media.startswith("text/") and "json" not in media
    return schema.get("format") == "binary" or bool(raw and "contentEncoding" not in schema)


def _patterned(schema: Schema, given: Schema, path: str, margin: Margin) -> dict[str, Any] | None:
    """The text by its pattern: the person's, the document's, or its format's, if one is usable."""
    own, form = schema.get("pattern"), FORMATS.get(schema.get("format", ""))
    lengths = {key: schema[key] for key in ("minLength", "maxLength") if key in schema}
    tries = [given.get("pattern"), own, bounded(own, schema.get("maxLength")) if own else None]
    for pattern in [*tries, None if own else form]:
        if not pattern or not (out := _usable(pattern, lengths)):
            continue
        if pattern != own:
            margin.propose(path, pattern=pattern)
        if lengths.keys() - out.keys():
            margin.note(path, "the length is the server's to judge beside its pattern")
        return out
    if own:
        margin.note(path, f"pattern {own} cannot be written under; the server judges it")
    return None


def _usable(pattern: str, lengths: Schema) -> dict[str, Any] | None:
    """The pattern as a type, with the lengths where the two agree."""
    for extra in (lengths, {}):
        out = {"type": "string", "pattern": pattern, **extra}
        try:
            language(out)
        except SchemaError:
            continue
        return out
    return None


def bounded(pattern: str, most: int | None = None) -> str:
    """The pattern with an end to every repeat and `\\d`, `\\w` written out, for the fence to judge.

    It matches nothing the pattern does not match.
    """
    limit, out, at, inside = min(most or LONGEST_REPEAT, LONGEST_REPEAT), list[str](), 0, False
    while at < len(pattern):
        char, step = pattern[at], 1
        if char == "\\" and at + 1 < len(pattern):
            ranges, step = _CLASSES.get(pattern[at + 1]), 2
            char = pattern[at : at + 2]
            char = (ranges if inside else f"[{ranges}]") if ranges else char
        elif inside:
            inside = char != "]"
        elif char == "[":
            inside = True
        elif char in "+*":
            char = f"{{{1 if char == '+' else 0},{limit}}}"
        elif match := _OPEN_COUNT.match(pattern, at):
            char, step = f"{{{match[1]},{max(limit, int(match[1]))}}}", len(match[0])
        out.append(char)
        at += step
    return "".join(out)


def number(schema: Schema, kind: str, path: str, margin: Margin) -> dict[str, Any]:
    """A number between whole bounds; finer ones are widened to the next and left to the server."""
    low, high = _edge(schema, "inimum", kind), _edge(schema, "aximum", kind)
    given = margin.at(path)
    low = max((x for x in (low, given.get("minimum")) if x is not None), default=None)
    high = min((x for x in (high, given.get("maximum")) if x is not None), default=None)
    most = LARGEST[kind]
    if max(-most, low if low is not None else -most) > min(
        most, high if high is not None else most
    ):
        raise Unsayable("has no value a plan can write")
    out: dict[str, Any] = {"type": kind}
    for key, value in (("minimum", low), ("maximum", high)):
        if value is not None:
            out[key] = max(-most, min(most, value))
            exact = kind == "integer" or value == schema.get(key)
            if out[key] != value or not (exact or key in given):
                margin.note(path, f"{key} {out[key]} stands for {_said(schema, key)}")
    if "multipleOf" in schema:
        margin.note(path, f"multipleOf {schema['multipleOf']} is the server's to judge")
    return out


def _edge(schema: Schema, word: str, kind: str) -> int | None:
    """The inclusive whole bound nearest to the document's own, never inside it for decimals."""
    upper = word == "aximum"
    plain, strict = schema.get(f"m{word}"), schema.get(f"exclusiveM{word}")
    if strict is True:  # OpenAPI 3.0
        strict, plain = plain, None
    edges = []
    if plain is not None:
        inward = kind == "integer"
        edges.append(math.floor(plain) if upper is inward else math.ceil(plain))
    if strict is not None and strict is not False:
        if kind == "integer":
            edges.append(math.ceil(strict) - 1 if upper else math.floor(strict) + 1)
        else:
            edges.append(math.ceil(strict) if upper else math.floor(strict))
    return (min(edges) if upper else max(edges)) if edges else None


def _said(schema: Schema, key: str) -> str:
    strict = "exclusiveM" + key[1:]
    return " and ".join(f"{k} {schema[k]}" for k in (key, strict) if k in schema) or "no bound"
