"""The places of an answer where anything can stand that somebody wrote."""

from collections.abc import Iterator, Mapping
from typing import Any

from bb_core.plan import escape

_SHUT = frozenset({"enum", "const", "pattern"})
_PLAIN = frozenset({"integer", "number", "boolean", "null"})


def free_texts(schema: Mapping[str, Any], here: str = "") -> Iterator[str]:
    """The JSON Pointers (`*` for an index) of free texts, and of parts that are not described."""
    kind = schema.get("type")
    if _SHUT & schema.keys() or kind in _PLAIN:
        return
    if kind == "object" and schema.get("properties"):
        for name, one in schema["properties"].items():
            yield from free_texts(one, f"{here}/{escape(name)}")
    elif kind == "array" and isinstance(schema.get("items"), Mapping):
        yield from free_texts(schema["items"], f"{here}/*")
    else:
        yield here
