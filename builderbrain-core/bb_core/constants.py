"""Constants: the values that plans hold again and again although nobody says them."""

from collections.abc import Iterable, Mapping

from bb_core.canonical import Json
from bb_core.plan import Plan
from bb_core.scene import Scene
from bb_core.space import Place, Space


def learn_constants(
    space: Space, traces: Iterable[tuple[Scene, Plan]], least: int = 2
) -> Mapping[Place, tuple[Json, ...]]:
    """The values at least so many traces hold where their scene does not say them."""
    raise NotImplementedError
