"""The six hooks a domain answers, and the number of the contract.

Each hook is asked of one domain alone, so none takes a `domain` argument and no plugin can answer
for another. `API` is raised only when a hook changes meaning; new hooks and arguments need no rise.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if (
    TYPE_CHECKING
):  # a domain's __init__.py imports this file, and `bb domains list` imports them all
    from bb_core.adapters import Adapters
    from bb_core.battery import Task
    from bb_core.grammar import Grammar
    from bb_core.harms import Harm
    from bb_core.schema import PlanSchema
    from bb_core.skins import Skin

API = 1
GROUP = "builderbrain.domains"

hookspec = pluggy.HookspecMarker("builderbrain")
hookimpl = pluggy.HookimplMarker("builderbrain")


class DomainSpec:
    """The hookspecs. Grammar and schema are required; the rest may be missing."""

    @hookspec(firstresult=True)
    def grammar(self) -> "Grammar":  # type: ignore[empty-body]
        """The language plans are written in."""

    @hookspec(firstresult=True)
    def plan_schema(self) -> "PlanSchema":  # type: ignore[empty-body]
        """Tools with types, effects and obligations."""

    @hookspec(firstresult=True)
    def tool_adapters(self) -> "Adapters":  # type: ignore[empty-body]
        """Callables for the tools; asked only when a checked plan is about to run."""

    @hookspec(firstresult=True)
    def invariance_skins(self) -> "Sequence[Skin]":  # type: ignore[empty-body]
        """Rewritings of a task and what they must do to its plan."""

    @hookspec(firstresult=True)
    def eval_battery(self) -> "Sequence[Task]":  # type: ignore[empty-body]
        """Tasks with reference plans and the state change they must cause."""

    @hookspec(firstresult=True)
    def ops_metrics(self) -> "Sequence[Harm]":  # type: ignore[empty-body]
        """What a version must not do to the world, and how much each counts."""
