"""How places in a tool's result are spelt: as `bb_core.offer` spells what a reference may name."""

from collections.abc import Sequence

from bb_core.fit import INDEX
from bb_core.plan import POSITION, escape


def pointer_of(path: Sequence[str], index: str = INDEX) -> str:
    """The JSON Pointer of a path, with `index` for every index in it."""
    return "".join("/" + (index if part == INDEX else escape(part)) for part in path)


def is_index(token: str) -> bool:
    """Whether a pointer's token may be an index: one of a list, or what stands for any."""
    return token == INDEX or POSITION.match(token) is not None
