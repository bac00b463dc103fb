"""What a step's condition may compare: scalars of earlier results that a literal is said for."""

from functools import lru_cache

from bb_core.fit import INDEX, paths
from bb_core.plan import OPS, Op
from bb_core.slots import Slot
from bb_core.space import Space


def compared(space: Space, tool: str) -> tuple[tuple[str, Slot], ...]:
    """The places of a tool's result that have closed or typed values, outside of lists."""
    result = space.schema.result(tool)
    found = []
    for path, _ in paths(result) if result else ():
        if path and INDEX not in path:
            pointer = "".join("/" + part for part in path)
            slot = space.result_slot(tool, pointer)
            if slot is not None and slot.kind in ("closed", "typed") and not slot.many:
                found.append((pointer, slot))
    return tuple(found)


@lru_cache(maxsize=64)
def operators(kind: str) -> tuple[Op, ...]:
    """The comparisons a type has: numbers are ordered, anything else is equal or not."""
    return OPS if kind in ("integer", "number") else OPS[:2]
