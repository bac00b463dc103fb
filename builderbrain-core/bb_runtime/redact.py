"""What of a call may stand in a ledger: digests of everything, values only where nobody is named.

Shown are numbers, closed words, and the keys of a domain's things where a pattern says what one
looks like (an order's number). Every other text, in arguments and results, is a salted hash, and so
is what no schema describes.

Not covered: a key that names a person (a telephone number, where a domain's things go by it), and
numbers that do. Label such a field of a result; an argument has no such label.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from bb_core.canonical import Json, canonical
from bb_core.schema import PlanSchema

Hide = Callable[[Json], str]
"""Give the salted hash that stands for a value, and perhaps keep the value where it is sealed."""

MOST_ITEMS = 20


def forgetful() -> Hide:
    """A hash under a salt nobody keeps: equal values look equal here, and say nothing else."""
    salt = secrets.token_bytes(16)
    return lambda value: "#" + hmac.new(salt, canonical(value), sha256).hexdigest()[:16]


def args_view(
    schema: PlanSchema, tool: str, args: Mapping[str, Any], hide: Hide
) -> dict[str, Json]:
    """The arguments a ledger may show."""
    keys = _key_types(schema)
    return {
        name: hide(value)
        if isinstance(value, list | dict)
        else _view(value, schema.arg(tool, name), keys, hide, [], ())
        for name, value in args.items()
    }


def result_view(schema: PlanSchema, tool: str, result: Json, hide: Hide) -> Json:
    """The result with texts and labelled fields hashed, and long lists cut short."""
    private = tuple(pointer.split("/")[1:] for pointer in schema.tools[tool].labels)
    return _view(result, schema.result(tool), _key_types(schema), hide, [], private)


def _key_types(schema: PlanSchema) -> frozenset[str]:
    """The named types that entities are read by."""
    reads = ((entity.read, entity.arg) for entity in schema.entities.values())
    return frozenset(schema.arg(tool, arg).get("x-type", "") for tool, arg in reads) - {""}


def _view(
    value: Json,
    node: Any,
    keys: frozenset[str],
    hide: Hide,
    path: list[str],
    private: tuple[list[str], ...],
) -> Json:
    """A value as its schema lets it be shown."""
    told: Mapping[str, Any] = node if isinstance(node, dict) else {}
    if any(_matches(path, pattern) for pattern in private):
        return hide(value)
    if isinstance(value, dict):
        named = told.get("properties", {})
        if not value.keys() <= named.keys():
            return hide(value)
        return {k: _view(v, named[k], keys, hide, [*path, k], private) for k, v in value.items()}
    if isinstance(value, list):
        item, some = told.get("items"), enumerate(value[:MOST_ITEMS])
        shown = [_view(v, item, keys, hide, [*path, str(i)], private) for i, v in some]
        return [*shown, *([f"and {more} more"] if (more := len(value) - MOST_ITEMS) > 0 else [])]
    return hide(value) if isinstance(value, str) and not _plain(told, keys) else value


def _plain(node: Mapping[str, Any], keys: frozenset[str]) -> bool:
    """Whether a text is one of a closed list, or the key of a thing."""
    key = node.get("x-type") in keys and "pattern" in node
    return key or "enum" in node or "const" in node


def _matches(path: list[str], pattern: list[str]) -> bool:
    return len(path) == len(pattern) and all(
        want in ("*", have) for have, want in zip(path, pattern, strict=True)
    )
