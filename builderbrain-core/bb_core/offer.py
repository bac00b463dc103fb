"""What a builder may answer: the skills that may come next, and what may fill a slot.

These masks are the builder's plan language: a plan made within them has known tools, rightly typed
values that were said somewhere, and references that fit. The checker judges the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bb_core.canonical import Json
from bb_core.decision import Decision
from bb_core.scene import Scene
from bb_core.slots import Slot
from bb_core.space import Space


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a scene that read as a value of a slot's type."""

    start: int
    end: int
    value: Json


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may fill a slot; of a list, one item of it.

    spans     where the text says a value of the type, by start then end
    choices   how many of the slot's choices there are: Choose(0) to Choose(choices - 1)
    refers    (step, pointer, levels) of the earlier results that fit
    free      any other stretch of the text may be copied too, if the type allows what it says
    write     the text may be written freely
    skip      it may be left out
    """

    spans: tuple[Span, ...] = ()
    choices: int = 0
    refers: tuple[tuple[int, str, int], ...] = ()
    free: bool = False
    write: bool = False
    skip: bool = False


def offered(space: Space, scene: Scene, decisions: Sequence[Decision]) -> tuple[bool, ...]:
    """For each skill of the space, whether it may come after these decisions."""
    raise NotImplementedError


def candidates(space: Space, scene: Scene, decisions: Sequence[Decision], slot: Slot) -> Candidates:
    """What may fill a slot of the next decision, after these."""
    raise NotImplementedError
