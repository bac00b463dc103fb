"""Invariance skins: the same workflow in different clothes.

invariant    same canonical plan after un-skinning, same state diff
equivariant  the plan changes in the predicted way
trap         looks the same, means something else: the plan must change or stop
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bb_core.battery import Task

Kind = Literal["invariant", "equivariant", "trap"]


@dataclass(frozen=True, slots=True)
class Skin:
    """A named rewriting of a task. `apply` gives the skinned task with the plan it must now have.

    It returns None where the skin does not apply to that task.
    """

    name: str
    kind: Kind
    apply: Callable[[Task], Task | None]
