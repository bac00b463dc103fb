"""Branches: two steps that hang on contradicting conditions never both run.

A condition compares a result that does not change, so `n1/held == true` and `n1/held == false` (or
any comparison and its opposite with one value) cannot both hold. A step hangs on its own condition
and on those of every step it waits for.

Not covered: conditions that contradict each other only by arithmetic, `n1/x < 3` and `n1/x > 5`;
such steps count as ones that may both run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bb_core.canonical import canonical
from bb_core.graph import Graph
from bb_core.plan import Op, When

_OPPOSITE: Mapping[Op, Op] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def exclusive(graph: Graph, a: str, b: str) -> bool:
    """Whether at most one of the two steps can run."""
    theirs = graph.conditions[b]
    return any(_contradict(one, two) for one in graph.conditions[a] for two in theirs)


def proved(wanted: When, known: Iterable[When]) -> bool:
    """Whether a boolean result is known to be what is wanted."""
    for when in known:
        told = when.ref == wanted.ref and isinstance(when.value, bool) and when.op in ("==", "!=")
        if told and (when.value is wanted.value) is (when.op == "=="):
            return True
    return False


def opposite(when: When) -> When:
    """The condition that holds exactly when this one does not."""
    return replace(when, op=_OPPOSITE[when.op])


def _contradict(one: When, two: When) -> bool:
    if one.ref != two.ref:
        return False
    same = canonical(one.value) == canonical(two.value)
    return same if two.op == _OPPOSITE[one.op] else not same and one.op == two.op == "=="
