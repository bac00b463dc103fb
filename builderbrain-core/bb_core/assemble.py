"""Decisions as the plan they make."""

from collections.abc import Sequence

from bb_core.decision import Decision
from bb_core.plan import Plan
from bb_core.scene import Scene
from bb_core.space import Space


def assemble(space: Space, scene: Scene, decisions: Sequence[Decision]) -> Plan:
    """The plan the decisions make, its steps called n1, n2, ...; raises Inexpressible."""
    raise NotImplementedError
