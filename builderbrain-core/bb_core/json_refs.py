"""`$ref`s inside one JSON document, followed as JSON Pointers.

Not covered: `$anchor`, `$dynamicRef` and references into other documents; an importer brings those
together into one document first (`bb_infra.document`).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from bb_core.errors import BuilderbrainError

Node = Mapping[str, Any]
MOST_HOPS = 32
_BESIDE = ("summary", "description")
"""The keys beside a `$ref` that replace the target's (OpenAPI 3.1, Reference Object)."""


class Unsayable(BuilderbrainError):
    """A part of a document that a plan cannot say, or that says nothing; the rest is unharmed."""


def pointed(document: Any, ref: str) -> Any:
    """What `#/a/b` names in the document; raises Unsayable when there is nothing."""
    if not isinstance(ref, str) or not ref.startswith("#"):
        raise Unsayable(f"$ref {ref!r} leads out of the document")
    here = document
    for token in unquote(ref[1:]).split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(here, Mapping) and key in here:
            here = here[key]
        elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        else:
            raise Unsayable(f"$ref {ref!r} leads nowhere")
    return here


def followed(document: Any, node: Any, *, item: bool = False) -> Node:
    """The object a node stands for: itself, or what its `$ref` leads to, otherwise described.

    Of a path's item (`item`) all other keys are laid over the target's. For a schema, in which keys
    beside a `$ref` do not replace but add, see `schema_refs.schema_at`. Raises Unsayable for a
    circle or for what is no object.
    """
    over: dict[str, Any] = {}
    for _ in range(MOST_HOPS):
        if not isinstance(node, Mapping):
            raise Unsayable(f"{type(node).__name__} where an object is wanted")
        if "$ref" not in node:
            return {**node, **over}
        beside = {key: value for key, value in node.items() if item or key in _BESIDE}
        over = {**beside, **over}
        over.pop("$ref", None)
        node = pointed(document, node["$ref"])
    raise Unsayable("a $ref leads back to itself")
