"""What of a call may stand in a ledger: digests of everything, values only where nobody is named.

Not covered: personal data in fields the schema does not label. A text argument is shown only if it
is an entity's key or one of a closed list of words; every other text is a salted hash.
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

LONGEST = 80
MOST_ITEMS = 20


def forgetful() -> Hide:
    """A hash under a salt nobody keeps: equal values look equal here, and say nothing else."""
    salt = secrets.token_bytes(16)
    return lambda value: "#" + hmac.new(salt, canonical(value), sha256).hexdigest()[:16]


def args_view(
    schema: PlanSchema, tool: str, args: Mapping[str, Any], hide: Hide
) -> dict[str, Json]:
    """The arguments a ledger may show."""
    keys = {path.removeprefix("args.") for path in schema.tools[tool].entity.values()}
    keys |= {entity.arg for entity in schema.entities.values() if entity.read == tool}
    shown: dict[str, Json] = {}
    for name, value in args.items():
        plain = not isinstance(value, str | list | dict)
        known = plain or name in keys or "enum" in schema.arg(tool, name)
        shown[name] = value if known else hide(value)
    return shown


def result_view(schema: PlanSchema, tool: str, result: Json, hide: Hide) -> Json:
    """The result with every labelled field hashed and long texts and lists cut short."""
    private = [pointer.split("/")[1:] for pointer in schema.tools[tool].labels]
    return _view(result, [], private, hide)


def _view(value: Json, path: list[str], private: list[list[str]], hide: Hide) -> Json:
    if any(_matches(path, pattern) for pattern in private):
        return hide(value)
    if isinstance(value, dict):
        return {k: _view(v, [*path, k], private, hide) for k, v in value.items()}
    if isinstance(value, list):
        shown = [_view(v, [*path, str(i)], private, hide) for i, v in enumerate(value[:MOST_ITEMS])]
        return (
            shown if len(value) <= MOST_ITEMS else [*shown, f"and {len(value) - MOST_ITEMS} more"]
        )
    return value if not isinstance(value, str) or len(value) <= LONGEST else value[:LONGEST] + "…"


def _matches(path: list[str], pattern: list[str]) -> bool:
    return len(path) == len(pattern) and all(
        want in ("*", have) for have, want in zip(path, pattern, strict=True)
    )
