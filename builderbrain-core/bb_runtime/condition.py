"""A step's `when`: a comparison of an earlier result with a constant."""

from collections.abc import Mapping

from bb_core.canonical import Json, canonical
from bb_core.errors import PlanError
from bb_core.plan import When, resolve_pointer


def condition(when: When, results: Mapping[str, Json]) -> bool:
    """Whether it holds; raises PlanError when there is nothing to compare.

    Equality is JSON's: `1` is not `true`. Order is between two numbers or two texts.
    """
    value, wanted = resolve_pointer(results[when.ref.step], when.ref.pointer), when.value
    same = canonical(value) == canonical(wanted)
    if when.op in ("==", "!="):
        return same is (when.op == "==")
    if not (_number(value) and _number(wanted)) and not (
        isinstance(value, str) and isinstance(wanted, str)
    ):
        raise PlanError(f"{when.ref} {when.op} {wanted!r} compares values that have no order")
    less = value < wanted  # type: ignore[operator]
    return {"<": less, "<=": less or same, ">": not less and not same, ">=": not less}[when.op]


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
