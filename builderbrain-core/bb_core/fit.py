"""Whether a result of one tool may stand where another tool wants an argument.

Three-valued: it always fits, it can fit and must be looked at when the value is known, or never.
Named types fit by name: an OrderId is not a ProductId although both are short strings.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

import jsonschema_rs
from jsonschema_rs.canonical import Containment, Satisfiability

from bb_core.plan import POSITION

Fit = Literal["fits", "guard", "no"]
INDEX = "*"
"""Stands for any array index in a path."""


def fit(source: Mapping[str, Any], target: Mapping[str, Any]) -> Fit:
    """Whether every (fits), some (guard) or no (no) value of `source` is a value of `target`."""
    want, have = target.get("x-type"), source.get("x-type")
    if want and have:
        return "fits" if want == have else "no"
    # A text that might happen to spell an order id is no reason to offer it as one; a number that
    # might lie in a named range is.
    strict = bool(want) and source.get("type") == "string"
    return _fit(json.dumps(source, sort_keys=True), json.dumps(target, sort_keys=True), strict)


@lru_cache(maxsize=16384)
def _fit(source: str, target: str, strict: bool) -> Fit:
    have, want = _canonical(source), _canonical(target)
    if want.covers(have) is Containment.YES:
        return "fits"
    if strict or want.intersect(have).satisfiability() is Satisfiability.NO:
        return "no"
    return "guard"


@lru_cache(maxsize=4096)
def _canonical(schema: str) -> Any:
    return jsonschema_rs.canonicalize(json.loads(schema))


def paths(
    schema: Mapping[str, Any], depth: int = 6
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every place inside a result a reference can name: keys, `*` for an index, and its schema."""
    yield (), dict(schema)
    if depth == 0:
        return
    children: list[tuple[str, Any]] = []
    if schema.get("type") == "object":
        children = list(schema.get("properties", {}).items())
    elif schema.get("type") == "array" and isinstance(schema.get("items"), Mapping):
        children = [(INDEX, schema["items"])]
    for key, child in children:
        for path, sub in paths(child, depth - 1):
            yield (key, *path), sub


def at(schema: Mapping[str, Any], tokens: list[str]) -> dict[str, Any] | None:
    """The schema of what a JSON Pointer's tokens name; None where the schema promises nothing."""
    here: Mapping[str, Any] = schema
    for token in tokens:
        if here.get("type") == "object" and token in here.get("properties", {}):
            here = here["properties"][token]
        elif (
            here.get("type") == "array"
            and POSITION.match(token)
            and int(token) < here.get("maxItems", 10**9)
        ):
            here = here.get("items", {})
        else:
            return None
    return dict(here)
