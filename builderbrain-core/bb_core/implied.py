"""The earlier steps a step has to wait for so that the checker lets it pass."""

from collections.abc import Sequence

from bb_core.decision import Decision
from bb_core.scene import Scene
from bb_core.space import Space


def implied_after(
    space: Space, scene: Scene, decisions: Sequence[Decision], following: Decision
) -> tuple[int, ...]:
    """The steps of these decisions that the next one must wait for, ascending.

    They establish the facts it requires, ask for the consent it needs, or may fail before it does
    something that cannot be undone. Steps it refers to, or that others of them wait for, are left
    out.
    """
    raise NotImplementedError
