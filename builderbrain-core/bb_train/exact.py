"""Whether decisions make exactly the plan of an example."""

from collections.abc import Sequence

from bb_core.actions import Decision, Space, assemble
from bb_core.errors import PlanError
from bb_train.agreement import Masked, prints
from bb_train.example import Example


def exact(space: Space, example: Example, decisions: Sequence[Decision], masked: Masked) -> bool:
    """Whether they make it, free texts (`masked`) aside; False where they make no plan at all."""
    try:
        plan = assemble(space, example.scene, decisions)
    except PlanError:
        return False
    return prints(plan, masked) == prints(example.plan, masked)
