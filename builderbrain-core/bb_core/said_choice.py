"""The values a stranger's schema lists, as far as a plan can write them and the schema allows them.

A keyword that cannot be applied (a pattern in another dialect) is left to the server, with a note.
"""

from collections.abc import Callable
from typing import Any

import jsonschema_rs

from bb_core.json_refs import Unsayable
from bb_core.said_leaves import LONGEST_TEXT, Margin, Schema
from bb_core.strict_bounds import modern

_JUDGED = (
    "type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "pattern",
)  # fmt: skip


def choice(schema: Schema, path: str, margin: Margin) -> dict[str, Any]:
    """The values as an enum; raises Unsayable when none is left."""
    values = [schema["const"]] if "const" in schema else list(schema["enum"])
    nullable = bool(schema.get("nullable"))
    if nullable and None not in values:
        values.append(None)
    scalar = [v for v in values if v is None or isinstance(v, str | int | float | bool)]
    short = [v for v in scalar if not isinstance(v, str) or len(v) <= LONGEST_TEXT]
    if len(short) < len(values):
        margin.note(path, f"{len(values) - len(short)} of its values cannot be written")
    judges = _judges(schema, path, margin)
    fit = [v for v in short if (v is None and nullable) or all(judge(v) for judge in judges)]
    if len(fit) < len(short):
        margin.note(path, f"{len(short) - len(fit)} of its values break what stands beside them")
    if not fit:
        raise Unsayable("has no value a plan can write")
    return {"enum": fit}


def _judges(schema: Schema, path: str, margin: Margin) -> list[Callable[[Any], bool]]:
    """What each keyword beside the values says of one."""
    found = list[Callable[[Any], bool]]()
    for key, value in modern(schema).items():
        if key not in _JUDGED:
            continue
        try:
            found.append(jsonschema_rs.Draft202012Validator({key: value}).is_valid)
        except ValueError:
            margin.note(path, f"{key} {value} is the server's to judge")
    return found
