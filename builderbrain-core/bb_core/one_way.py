"""Properties that go one way only: OpenAPI's `readOnly` (in answers) and `writeOnly` (in requests).

That such a property is required holds for its own way. JSON Schema alone has no such rule: of a
schema that stands in no OpenAPI document nothing is taken away.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Literal

from bb_core.json_refs import Unsayable, pointed
from bb_core.schema_refs import unheard

Word = Literal["readOnly", "writeOnly"]


def one_way(document: Any, schema: Mapping[str, Any], word: Word) -> list[str]:
    """The names of an object's properties that go the marked way only."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or "openapi" not in document:
        return []
    return [name for name, node in properties.items() if _marked(document, node, word, set())]


def without(schema: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The schema without these properties, which it then requires no more."""
    out = dict(schema)
    if names and isinstance(out.get("properties"), Mapping):
        kept = out["properties"].items()
        out["properties"] = {name: node for name, node in kept if name not in names}
    if names and "required" in out:
        out["required"] = [name for name in out["required"] if name not in names]
    return out


def _marked(document: Any, node: Any, word: Word, seen: set[str]) -> bool:
    """Whether the schema, what it refers to or a part of its `allOf` is marked so."""
    if not isinstance(node, Mapping):
        return False
    if node.get(word) is True and word not in unheard(document, node):
        return True
    parts = list(node.get("allOf", ()))
    ref = node.get("$ref")
    if isinstance(ref, str) and ref not in seen:
        seen.add(ref)
        with suppress(Unsayable):  # whoever reads the property says so
            parts.append(pointed(document, ref))
    return any(_marked(document, one, word, seen) for one in parts)
