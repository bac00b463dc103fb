"""What a step's condition may compare: scalars of earlier results that a literal is said for."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from bb_core.fit import INDEX, paths
from bb_core.plan import OPS, Op
from bb_core.slots import Slot
from bb_core.space import Space
from bb_nn.builder.pointer import pointer_of

ITEMS = 6
Compared = Mapping[str, tuple[tuple[str, Slot], ...]]


def compared(space: Space) -> Compared:
    """The places of each tool's result with closed or typed values: (pointer, what stands there).

    Of a list, its first items.
    """
    return {tool: tuple(_places(space, tool)) for tool in space.schema.tools}


def _places(space: Space, tool: str) -> Iterator[tuple[str, Slot]]:
    result = space.schema.result(tool)
    for path, _ in paths(result) if result else ():
        for pointer in _pointers(path) if path else ():
            slot = space.result_slot(tool, pointer)
            if slot is not None and slot.kind in ("closed", "typed") and not slot.many:
                yield pointer, slot


def _pointers(path: tuple[str, ...]) -> list[str]:
    if path.count(INDEX) > 1:
        return []
    indices = range(ITEMS) if INDEX in path else range(1)
    return [pointer_of(path, str(i)) for i in indices]


@lru_cache(maxsize=64)
def operators(kind: str) -> tuple[Op, ...]:
    """The comparisons a type has: numbers are ordered, anything else is equal or not."""
    return OPS if kind in ("integer", "number") else OPS[:2]
