"""A stranger's JSON Schema as a type a plan can say, or the reason why it cannot.

References are written out, `allOf` is merged, `oneOf` and `nullable` become `anyOf`, formats and
open ends become bounds (`said_leaves.py`). What is required and cannot be said makes the whole
unsayable; what is optional is left out, with a note. The type may be wider than the document's
(`oneOf`, `multipleOf`): the server still judges. It is wider in nothing else. An argument, or a
property, keeps its description as one line.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema_rs

from bb_core import said_leaves
from bb_core.discriminated import mapped, told_apart_by
from bb_core.imported import sentence
from bb_core.json_refs import Unsayable
from bb_core.one_way import one_way, without
from bb_core.said_choice import choice
from bb_core.said_leaves import MOST_ITEMS, Margin, Schema
from bb_core.schema_merge import merged
from bb_core.schema_refs import schema_at, unheard
from bb_core.tool_names import plan_name, unused

LONGEST_KEY = 32
"""The longest name of an argument or a property that a plan can write (KEY in the grammar)."""
DEEPEST = 5
"""The most lists and objects one inside the other that an imported domain's grammar can write."""
MOST_NODES = 3_000
"""A few nested unions would else swell to more than any memory holds."""
WIRE = "x-wire"
"""The name the system has for a property the plan language had to rename."""
_UNIONS = ("oneOf", "anyOf")
_BESIDE = {
    "discriminator", "nullable", "title", "description", "default", "example", "examples",
    "deprecated", "readOnly", "writeOnly", "externalDocs", "xml",
}  # fmt: skip
"""What stands beside alternatives and is no demand on each of them."""
_HINTS = {
    "properties": "object",
    "items": "array",
    "pattern": "string",
    "maxLength": "string",
    "minimum": "number",
    "maximum": "number",
}
_SILENT = {
    "uniqueItems": "that items differ",
    "contains": "what items it must hold",
    "minProperties": "how many keys there are",
    "maxProperties": "how many keys there are",
    "propertyNames": "what keys are called",
    "patternProperties": "what patterns of keys demand",
    "not": "what it must not be",
    "if": "what one part demands of another",
    "dependentRequired": "which keys go together",
    "dependentSchemas": "which keys go together",
    "dependencies": "which keys go together",
}
"""Keywords no type of a plan has."""


def _undescribed(said: dict[str, Any]) -> dict[str, Any]:
    """The type without descriptions at any depth."""
    out = {key: value for key, value in said.items() if key != "description"}
    if "properties" in out:
        out["properties"] = {name: _undescribed(one) for name, one in out["properties"].items()}
    if "items" in out:
        out["items"] = _undescribed(out["items"])
    if "anyOf" in out:
        out["anyOf"] = [_undescribed(one) for one in out["anyOf"]]
    return out


def told(said: dict[str, Any], *texts: Any) -> dict[str, Any]:
    """The type with the first of the texts that says something as its description."""
    line = sentence(*texts)
    return {**said, "description": line} if line else said


class SaidTypes:
    """Reads the schemas of one document; what it proposes and notes is in the margin."""

    def __init__(self, document: Any, margin: Margin) -> None:
        self.document, self.margin, self.nodes = document, margin, 0

    @property
    def spent(self) -> bool:
        """Whether the document has swollen beyond what is read of it: nothing more can be said."""
        return self.nodes > MOST_NODES

    def said(self, node: Any, path: str, depth: int = 0, above: tuple[str, ...] = ()) -> Any:
        """The type; raises Unsayable with the reason."""
        schema, above = self.written_out(node, above)
        for key in unheard(self.document, node):
            self.margin.note(path, f"OpenAPI 3.0 ignores {key!r} beside a $ref")
        for key in _UNIONS:
            if key in schema:
                return self._union(schema, key, path, depth, above)
        self._note_silent(schema, path)
        if "const" in schema or "enum" in schema:
            return choice(schema, path, self.margin)
        kinds = schema.get("type", _guessed(schema))
        if isinstance(kinds, list):
            options = [{**schema, "type": kind} for kind in kinds]
            return self._any(options, path, depth, above)
        if kinds is None:
            raise Unsayable("says no type")
        if schema.get("nullable"):
            bare = {key: value for key, value in schema.items() if key != "nullable"}
            return self._any([bare, {"type": "null"}], path, depth, above)
        return self._typed(schema, kinds, path, depth, above)

    def written_out(
        self, node: Any, above: tuple[str, ...]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The schema with its reference followed and `allOf` merged, and the references around."""
        self.nodes += 1
        if self.spent:
            raise Unsayable("is too large to write out")
        if node is True or node == {}:
            raise Unsayable("takes anything, which a plan cannot bound")
        if isinstance(node, Mapping) and "$ref" in node:
            ref = str(node["$ref"])
            if ref in above:
                raise Unsayable(f"is recursive ({ref})")
            above = (*above, ref)
        schema = dict(schema_at(self.document, node))
        own = schema.get("description")
        for part in schema.pop("allOf", ()):
            if part is True or part == {}:
                continue
            other, above = self.written_out(part, above)
            schema = merged(schema, other)
        return ({**schema, "description": own} if own else schema), above

    def _note_silent(self, schema: Schema, path: str) -> None:
        for key, what in _SILENT.items():
            if schema.get(key):
                self.margin.note(path, f"{what} is the server's to judge")

    def asked(self, schema: Schema) -> dict[str, Any]:
        """An object's schema as a request has it: without properties that only answers hold."""
        return without(schema, one_way(self.document, schema, "readOnly"))

    def _typed(
        self, schema: Schema, kind: Any, path: str, depth: int, above: tuple[str, ...]
    ) -> dict[str, Any]:
        match kind:
            case "string":
                return said_leaves.text(schema, path, self.margin)
            case "integer" | "number":
                return said_leaves.number(schema, kind, path, self.margin)
            case "boolean" | "null":
                return {"type": kind}
            case "array" | "object" if depth >= DEEPEST:
                raise Unsayable(f"nests more than {DEEPEST} deep")
            case "array":
                return self._array(schema, path, depth, above)
            case "object":
                return self._object(schema, path, depth, above)
        raise Unsayable(f"has the unknown type {kind!r}")

    def _union(
        self, schema: Schema, key: str, path: str, depth: int, above: tuple[str, ...]
    ) -> dict[str, Any]:
        """Each alternative with all that stands beside them."""
        rest = {k: v for k, v in schema.items() if k != key and k not in _BESIDE}
        # A null that one alternative allows is not one that all the rest allows.
        never = [{"nullable": False}] if _needs_a_value(rest) else []
        told = told_apart_by(schema.get("discriminator"))
        options: list[Any] = []
        for option in schema[key]:
            more = self._demanded(schema, rest, option, above) if told else {}
            if told and not more:
                self.margin.note(path, f"which one {told!r} names is the server's to judge")
            parts = [one for one in (rest, option, more, *never) if one]
            options.append({"allOf": parts} if len(parts) > 1 else option)
        if schema.get("nullable"):
            options.append({"type": "null"})
        if key == "oneOf" and sum(one != {"type": "null"} for one in options) > 1:
            self.margin.note(path, "that exactly one alternative fits is the server's to judge")
        return self._any(options, path, depth, above)

    def _demanded(
        self, schema: Schema, rest: Schema, option: Any, above: tuple[str, ...]
    ) -> dict[str, Any]:
        """That the alternative is named by what its discriminator tells it apart by, if known."""
        told = told_apart_by(schema["discriminator"])
        values = mapped(schema["discriminator"], option)
        if values:
            return {"properties": {told: {"enum": values}}, "required": [told]}
        try:
            whole = self.written_out({"allOf": [rest, option]}, above)[0]
            named, _ = self.written_out(whole.get("properties", {}).get(told, True), above)
        except Unsayable:
            return {}
        return {"required": [told]} if named.keys() & {"const", "enum"} else {}

    def _any(
        self, options: list[Any], path: str, depth: int, above: tuple[str, ...]
    ) -> dict[str, Any]:
        """The alternatives that can be said; raises Unsayable when none can, beside null."""
        said: list[dict[str, Any]] = []
        lost: list[str] = []
        for option in options:
            try:
                found = self.said(option, path, depth, above)
            except Unsayable as error:
                if self.spent:
                    raise
                lost.append(error.found)
                continue
            # Nobody could choose between two that only describe their properties otherwise.
            known = [_undescribed(one) for one in said]
            said += [one for one in found.get("anyOf", [found]) if _undescribed(one) not in known]
        if lost and all(one == {"type": "null"} for one in said):
            raise Unsayable(lost[0])
        for reason in lost:
            self.margin.note(path, f"an alternative is left out: it {reason}")
        return said[0] if len(said) == 1 else {"anyOf": said}

    def _array(
        self, schema: Schema, path: str, depth: int, above: tuple[str, ...]
    ) -> dict[str, Any]:
        if "prefixItems" in schema or "items" not in schema:
            raise Unsayable("is a list of unlike or unnamed items")
        items = self.said(schema["items"], f"{path}/items", depth + 1, above)
        own, given = schema.get("maxItems"), self.margin.at(path)
        most = min(schema.get("maxItems", MOST_ITEMS), given.get("maxItems", MOST_ITEMS))
        least = schema.get("minItems", 0)
        if least > most:
            raise Unsayable(f"wants {least} items or more")
        if most != own:
            self.margin.propose(path, maxItems=most)
        return {
            "type": "array",
            "items": items,
            **({"minItems": least} if least else {}),
            "maxItems": most,
        }

    def _object(
        self, schema: Schema, path: str, depth: int, above: tuple[str, ...]
    ) -> dict[str, Any]:
        schema = self.asked(schema)
        required, made = set(schema.get("required", ())), dict[str, Any]()
        taken = {name for name in schema.get("properties", {}) if _sayable_key(name)}

        def spell(wire: str) -> str:
            if wire not in taken:
                name = unused(plan_name(wire, LONGEST_KEY), taken, LONGEST_KEY)
                taken.add(name)
                return name
            return wire

        for name, wire, said in self.members(schema, path, depth, above, spell):
            made[name] = said if name == wire else {**said, WIRE: wire}
            required = {name if one == wire else one for one in required}
        if not made and schema.get("additionalProperties", True) is not False:
            raise Unsayable("takes any keys, which a plan cannot bound")
        missing = sorted(required - made.keys())
        if missing:
            raise Unsayable(f"requires {missing[0]!r}, which is not described")
        return {
            "type": "object",
            "properties": made,
            "required": [name for name in made if name in required],
            "additionalProperties": False,
        }

    def members(
        self,
        schema: Schema,
        path: str,
        depth: int,
        above: tuple[str, ...],
        spell: Callable[[str], str],
    ) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Each property as plan name, system's name and type; optional ones may be left out."""
        self._note_silent(schema, path)
        required = set(schema.get("required", ()))
        for wire, node in schema.get("properties", {}).items():
            try:
                inner, _ = self.written_out(node, above)
                if inner.get("readOnly") and wire not in required:
                    continue
                name = spell(wire)
                said = told(
                    self.said(node, f"{path}/{name}", depth + 1, above), inner.get("description")
                )
            except Unsayable as error:
                if wire in required or self.spent:
                    raise Unsayable(f"{wire!r} {error.found}") from error
                self.margin.note(path, f"{wire!r} is left out: it {error.found}")
                continue
            yield name, wire, said


def _needs_a_value(schema: Schema) -> bool:
    """Whether null is ruled out by the type or the values."""
    kinds, values = schema.get("type", "null"), schema.get("enum", [schema.get("const")])
    return "null" not in (kinds if isinstance(kinds, list) else [kinds]) or None not in values


def _guessed(schema: Schema) -> str | None:
    return next((kind for word, kind in _HINTS.items() if word in schema), None)


def _sayable_key(name: str) -> bool:
    """Whether a plan can write the name as it is."""
    return name.isascii() and name.isidentifier() and len(name) <= LONGEST_KEY


def on_the_wire(schema: Mapping[str, Any], value: Any) -> Any:
    """A plan's value with the system's own names back in it."""
    if "anyOf" in schema:
        fitting = (one for one in schema["anyOf"] if jsonschema_rs.is_valid(one, value))
        return on_the_wire(next(fitting, {}), value)
    if isinstance(value, Mapping):
        known: Mapping[str, Any] = schema.get("properties", {})
        return {
            known.get(name, {}).get(WIRE, name): on_the_wire(known.get(name, {}), item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [on_the_wire(schema.get("items", {}), item) for item in value]
    return value
