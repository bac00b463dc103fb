"""CEL conditions: compiled once, evaluated fail-closed.

A condition holds only if it evaluates to exactly `true`. An error inside it (a missing field, a
wrong type) is a refusal, never a pass. Numbers are as they come out of JSON and are not converted:
write `double(order.total)` to compare with a decimal. Not covered: whether the condition says what
its author meant.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cel

from bb_core.errors import SchemaError


@lru_cache(maxsize=4096)
def program(expr: str) -> cel.Program:
    """The compiled condition; raises SchemaError when it is not CEL."""
    try:
        return cel.compile(expr)
    except ValueError as error:
        found = str(error).splitlines()[0]
        raise SchemaError(
            f"{expr!r} is not CEL: {found}", fix="see https://cel.dev for the language"
        ) from None


def names(expr: str) -> frozenset[str]:
    """The top-level names a condition mentions, those bound by its own macros included."""
    return frozenset(program(expr).variables())


def holds(expr: str, context: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether a condition is exactly true, and the reason when it could not be evaluated."""
    try:
        value = program(expr).execute(dict(context))
    except Exception as error:
        return False, f"could not be evaluated: {type(error).__name__}: {error}"
    if not isinstance(value, bool):
        return False, f"gave a {type(value).__name__}, not true or false"
    return value, ""


def number(expr: str, context: Mapping[str, Any]) -> int:
    """The whole number, not negative, an amount gives; raises SchemaError for anything else."""
    try:
        value = program(expr).execute(dict(context))
    except Exception as error:
        raise SchemaError(f"amount {expr!r} could not be evaluated: {error}") from None
    if isinstance(value, bool) or not isinstance(value, int):
        raise SchemaError(f"amount {expr!r} gave {value!r}, not a whole number")
    if value < 0:
        raise SchemaError(f"amount {expr!r} gave {value}; what is spent does not come back")
    return value
