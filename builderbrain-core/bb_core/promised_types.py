"""A stranger's JSON Schema of an answer as JSON Schema 2020-12 without references.

Unions and formats stay as they are: an answer is validated, not written. A recursive part, or one
too large to write out, promises nothing (`{}`) and is noted. What OpenAPI marks `writeOnly` is no
part of an answer.
"""

import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from bb_core.json_refs import Unsayable
from bb_core.one_way import one_way, without
from bb_core.said_leaves import Margin, Schema
from bb_core.schema_merge import merged
from bb_core.schema_refs import schema_at
from bb_core.strict_bounds import modern

REFERABLE = re.compile(r"[A-Za-z0-9_.:@$-]{1,64}\Z")
"""The names of an answer's properties that a reference can hold (REF in the grammar)."""
MOST_NODES = 3_000
DEEPEST = 12
_MAPS = ("properties", "patternProperties", "dependentSchemas")
_SCHEMAS = ("items", "additionalProperties", "contains", "propertyNames", "not", "if", "then")
_LISTS = ("oneOf", "anyOf", "prefixItems")
_DROPPED = {"xml", "example", "externalDocs", "discriminator", "nullable", "$defs", "$schema"}


def promised(document: Any, node: Any, path: str, margin: Margin) -> dict[str, Any]:
    """What an answer holds; {} with a note where it cannot be checked."""
    writer = _Writer(document, path, margin)
    try:
        out = writer.written(node, 0, ())
        jsonschema_rs.Draft202012Validator(out)
    except Unsayable as error:
        margin.note(path, f"the answer is not checked: it {error.found}")
        return {}
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        margin.note(path, f"the answer is not checked: {str(error).splitlines()[0][:120]}")
        return {}
    return out


class _Writer:
    def __init__(self, document: Any, path: str, margin: Margin) -> None:
        self.document, self.path, self.margin, self.nodes = document, path, margin, 0

    def written(
        self, node: Any, depth: int, above: tuple[str, ...], sent: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The schema with references followed, `allOf` merged and OpenAPI 3.0's words replaced.

        Properties that are only `sent`, here or in the schema around an alternative, are left out.
        """
        out, above = self._whole(node, depth, above)
        sent = (*sent, *one_way(self.document, out, "writeOnly"))
        out = _unsent(out, sent)
        _shelve_odd_names(out)
        for key in _MAPS:
            if isinstance(out.get(key), Mapping):
                out[key] = {n: self.written(s, depth + 1, above) for n, s in out[key].items()}
        for key in _SCHEMAS:
            if isinstance(out.get(key), Mapping):
                out[key] = self.written(out[key], depth + 1, above)
        for key in _LISTS:
            if isinstance(out.get(key), list):
                around = () if key == "prefixItems" else sent
                out[key] = [self.written(one, depth + 1, above, around) for one in out[key]]
        return out

    def _whole(
        self, node: Any, depth: int, above: tuple[str, ...]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """One schema with its parts merged, what is inside as it stands; the references around."""
        self.nodes += 1
        if isinstance(node, bool):
            return ({} if node else {"not": {}}), above
        ref = str(node["$ref"]) if isinstance(node, Mapping) and "$ref" in node else ""
        if self.nodes > MOST_NODES or depth > DEEPEST or ref in above:
            why = f"recursive ({ref})" if ref in above else "too large to write out"
            self.margin.note(self.path, f"part of the answer is not checked: it is {why}")
            return {}, above
        above = (*above, ref) if ref else above
        schema = dict(schema_at(self.document, node))
        out = modern({key: value for key, value in schema.items() if key not in _DROPPED})
        for part in out.pop("allOf", ()):
            other, above = self._whole(part, depth, above)
            out = merged(out, other)
        return (_or_null(out) if schema.get("nullable") is True else out), above


def _unsent(schema: dict[str, Any], sent: tuple[str, ...]) -> dict[str, Any]:
    """The schema without what is only sent; a closed one bears it still, as it need not be told."""
    out = without(schema, sent)
    gone = [name for name in schema.get("properties", ()) if name in sent]
    if gone and schema.get("additionalProperties") is False:
        patterns: dict[str, Any] = {f"^{re.escape(name)}$": {} for name in gone}
        out["patternProperties"] = {**schema.get("patternProperties", {}), **patterns}
    return out


def _shelve_odd_names(schema: dict[str, Any]) -> None:
    """A property no reference can name is still checked, as the pattern of its name alone."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return
    odd = {name: one for name, one in properties.items() if not REFERABLE.match(name)}
    if odd:
        schema["properties"] = {n: one for n, one in properties.items() if n not in odd}
        named = {f"^{re.escape(name)}$": one for name, one in odd.items()}
        schema["patternProperties"] = {**schema.get("patternProperties", {}), **named}


def _or_null(schema: Schema) -> dict[str, Any]:
    kind, values = schema.get("type"), schema.get("enum")
    if not isinstance(kind, str):
        return {"anyOf": [dict(schema), {"type": "null"}]}
    more = {"enum": [*values, None]} if isinstance(values, list) and None not in values else {}
    return {**schema, "type": [kind, "null"], **more}
