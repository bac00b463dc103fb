"""A plan as the decisions that make it; `assemble` is its inverse."""

from collections.abc import Sequence

from bb_core.decision import Decision
from bb_core.plan import Plan
from bb_core.scene import Scene
from bb_core.space import Space


def decide(
    space: Space, scene: Scene, plan: Plan, clauses: Sequence[int] = ()
) -> tuple[Decision, ...]:
    """The decisions that make a plan: assemble(space, scene, decide(space, scene, plan)) == plan.

    Steps are to be called n1, n2, ... and to build on earlier ones only; else the plan that comes
    back has other names. `clauses` are the characters at which clauses start. A value said more
    than once is copied from the step's own clause, or from where the step's other values are.
    Raises Inexpressible with the step and the slot.
    """
    raise NotImplementedError
