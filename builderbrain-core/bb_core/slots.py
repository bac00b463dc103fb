"""The slots of a domain's tools: every leaf of their arguments, and what may fill it.

    modify_address(order_id, address: {street, city, zip})
    ->  order_id,  address/street,  address/city,  address/zip

Objects are spelt out, lists of leaves are one slot with several fills. A leaf is closed (only its
choices), typed (its values can be read in a text), text (anything a text says), or other.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from bb_core.canonical import Json
from bb_core.reading import READ
from bb_core.schema import PlanSchema
from bb_core.skill import Path

Kind = Literal["closed", "typed", "text", "other"]


@dataclass(frozen=True)
class Slot:
    """One leaf of a tool's arguments.

    `schema` is the leaf's, resolved; of a list (`many`) it is one item's, and `least` and `most`
    bound the items. `wholes` are the schemas around the leaf, the nearest first (a list's own, then
    the objects that hold it), as long as the leaf is the first in them: there a reference may fill
    the whole. `choices` are its closed values, then the constants learnt for it.
    `member`: which of a composite skill's tools it belongs to.
    """

    tool: str
    path: Path
    schema: Mapping[str, Any]
    optional: bool = False
    many: bool = False
    least: int = 0
    most: int = 1
    wholes: tuple[Mapping[str, Any], ...] = ()
    choices: tuple[Json, ...] = ()
    member: int = 0

    def __str__(self) -> str:
        return f"{self.tool}.{'.'.join(self.path)}"

    @cached_property
    def key(self) -> str:
        """The leaf's schema as text; slots with the same key take the same values."""
        return json.dumps(self.schema, sort_keys=True)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The same for the leaf and for each whole around it."""
        return (self.key, *(json.dumps(whole, sort_keys=True) for whole in self.wholes))

    def whole(self, levels: int) -> Path:
        """The path of the whole so many levels above the leaf; a list is above its items."""
        return self.path[: len(self.path) - levels + self.many]

    @cached_property
    def kind(self) -> Kind:
        """How its values are found."""
        return kind_of(self.schema)

    def with_choices(self, more: tuple[Json, ...]) -> "Slot":
        """The same slot with learnt constants after its closed values."""
        new = tuple(value for value in more if not _among(value, self.choices))
        return replace(self, choices=self.choices + new) if new else self


def slots_of(schema: PlanSchema, tool: str) -> tuple[Slot, ...]:
    """A tool's slots, in the order its arguments are declared."""
    spec = schema.tools[tool]
    found: list[Slot] = []
    for name in spec.args:
        found += _leaves(tool, (name,), schema.arg(tool, name), name in spec.optional, ())
    return tuple(found)


def leaf(tool: str, path: Path, schema: Mapping[str, Any]) -> Slot:
    """A slot of its own, as a condition's value is one."""
    return Slot(tool, path, schema, choices=tuple(closed_values(schema)))


def _leaves(
    tool: str,
    path: Path,
    schema: Mapping[str, Any],
    optional: bool,
    wholes: tuple[Mapping[str, Any], ...],
) -> Iterator[Slot]:
    if spelt_out(schema):
        required = schema.get("required", ())
        for place, (name, inner) in enumerate(schema["properties"].items()):
            skips = optional or name not in required
            around = () if place else (schema, *wholes)
            yield from _leaves(tool, (*path, name), inner, skips, around)
    elif is_list(schema):
        items, least = schema["items"], schema.get("minItems", 0)
        made = Slot(tool, path, items, optional, True, least, schema.get("maxItems", 16))
        choices = tuple(closed_values(items))
        yield replace(made, wholes=(schema, *wholes), choices=choices)
    else:
        choices = tuple(closed_values(schema))
        yield Slot(tool, path, schema, optional, wholes=wholes, choices=choices)


def spelt_out(schema: Mapping[str, Any]) -> bool:
    """Whether a value of this schema is said leaf by leaf."""
    return schema.get("type") == "object" and bool(schema.get("properties")) and not _closed(schema)


def is_list(schema: Mapping[str, Any]) -> bool:
    """Whether a value of this schema is a list of leaves."""
    items = schema.get("items")
    return (
        schema.get("type") == "array"
        and isinstance(items, Mapping)
        and not spelt_out(items)
        and items.get("type") != "array"
        and not _closed(schema)
    )


def closed_values(schema: Mapping[str, Any]) -> Iterator[Json]:
    """The values that can be listed: an enum, a constant, yes and no, nothing."""
    if "const" in schema:
        yield schema["const"]
    elif isinstance(schema.get("enum"), list):
        yield from schema["enum"]
    else:
        kinds = _types(schema)
        yield from (False, True) if "boolean" in kinds else ()
        yield from (None,) if "null" in kinds else ()


def kind_of(schema: Mapping[str, Any]) -> Kind:
    """How the values of a schema are found."""
    kinds = _types(schema)
    if _closed(schema) or (kinds and kinds <= {"boolean", "null"}):
        return "closed"
    if READ in schema or kinds & {"integer", "number"} or "pattern" in schema:
        return "typed"
    return "text" if "string" in kinds else "other"


def _closed(schema: Mapping[str, Any]) -> bool:
    return "const" in schema or isinstance(schema.get("enum"), list)


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    kind = schema.get("type")
    return frozenset(kind if isinstance(kind, list) else [kind] if isinstance(kind, str) else ())


def _among(value: Json, values: tuple[Json, ...]) -> bool:
    return any(same(value, one) for one in values)


def same(a: Json, b: Json) -> bool:
    """Whether two values are one, as JSON has it: 1 is not true."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)
