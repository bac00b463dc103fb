"""A schema's `$ref` followed, with what stands beside it: in JSON Schema and OpenAPI 3.1 both hold.

OpenAPI 3.0 ignores all keys beside a `$ref`; a description constrains nothing, so it is kept.
"""

from collections.abc import Mapping
from typing import Any

from bb_core.json_refs import MOST_HOPS, Node, Unsayable, pointed
from bb_core.schema_merge import merged

_TOLD = ("description", "$ref")


def schema_at(document: Any, node: Any) -> Node:
    """The schema a node stands for; raises Unsayable for a circle, or for what contradicts itself.

    It may still hold `allOf`, and references further in.
    """
    beside = list[Node]()
    for _ in range(MOST_HOPS):
        if not isinstance(node, Mapping):
            raise Unsayable(f"{type(node).__name__} where an object is wanted")
        lost = unheard(document, node)
        here = {key: value for key, value in node.items() if key != "$ref" and key not in lost}
        beside.append(here)
        if "$ref" not in node:
            break
        node = pointed(document, node["$ref"])
    else:
        raise Unsayable("a $ref leads back to itself")
    whole = beside.pop()
    while beside:
        whole = merged(whole, beside.pop())
    return whole


def unheard(document: Any, node: Any) -> list[str]:
    """The keys beside a node's `$ref` that the document's standard ignores."""
    if not isinstance(node, Mapping) or "$ref" not in node or not _of_3_0(document):
        return []
    return [key for key in node if key not in _TOLD]


def _of_3_0(document: Any) -> bool:
    return isinstance(document, Mapping) and str(document.get("openapi", "")).startswith("3.0")
