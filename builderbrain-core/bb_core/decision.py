"""A plan as decisions: which skill comes next, what fills its slots, what it waits for.

    "Cancel W1005, ordered by mistake"
    cancel_order   order_id: Copy(7, 12)   reason: Choose(1)   after: (2,)

Places are characters of a scene's text; steps are counted from 0 over the plain steps of the plan,
so a composite skill makes several of them.
"""

from dataclasses import dataclass
from typing import TypeAlias

from bb_core.plan import Op


@dataclass(frozen=True, slots=True)
class Copy:
    """What the slot's type reads at these characters of the scene."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Choose:
    """One of the slot's choices, by its place among them."""

    index: int


@dataclass(frozen=True, slots=True)
class Refer:
    """A place in an earlier step's result.

    `levels` above 0: it fills the object so many levels above this slot, and the object's other
    slots are skipped; for the items of a list it is 1 when it fills the whole list.
    """

    step: int
    pointer: str = ""
    levels: int = 0


@dataclass(frozen=True, slots=True)
class Write:
    """Free text; whoever has none yet leaves it empty, and the base writes it."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """Left out."""


Fill: TypeAlias = Copy | Choose | Refer | Write | Skip
Filled: TypeAlias = Fill | tuple[Fill, ...]
"""A slot's fill; for a list spelt out, a tuple with one fill for each item."""


@dataclass(frozen=True, slots=True)
class Condition:
    """When the step runs: what an earlier result holds, compared with a value.

    `assemble` refuses a value that is left out or refers to a result.
    """

    left: Refer
    op: Op
    right: Fill


@dataclass(frozen=True, slots=True)
class Decision:
    """One skill with its slots filled.

    `skill` is its place in the space, `fills` go with the skill's slots, in order. `after` are the
    steps it waits for besides those it refers to, ascending; `clause` the part of the request that
    asked for it.
    """

    skill: int
    fills: tuple[Filled, ...] = ()
    after: tuple[int, ...] = ()
    when: Condition | None = None
    clause: int = 0
