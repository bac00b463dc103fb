"""A planner for measuring: the likeliest plan of a builder that the checker lets pass.

It is the builder alone: nothing is decoded by the base. A text that nobody said stays empty.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bb_core.actions import assemble
from bb_core.check import check
from bb_core.errors import PlanError
from bb_core.plan import Plan
from bb_core.scene import Scene, scene
from bb_core.state import State
from bb_core.verdict import Checked
from bb_nn.builder.builder import PlanBuilder
from bb_nn.tapped import Tapped
from bb_runtime.rounds import Ask, Draft


@dataclass(frozen=True)
class BuiltPlans:
    """Plans with a builder. `states` gives the frozen states of a scene's text; `beam` is k."""

    builder: PlanBuilder
    states: Callable[[str], Tapped]
    beam: int = 4

    def __call__(self, ask: Ask) -> Draft:
        """The first of the k best plans that passes the policy; the best one if none does."""
        space = self.builder.space
        seen = scene(ask.request, ask.observations, ask.facts)
        plans = list(self.plans(seen))
        state = State(request=ask.request)
        passing = (p for p in plans if isinstance(check(space.compiled, p, state), Checked))
        best = next(passing, plans[0] if plans else None)
        return Draft("" if best is None else space.compiled.print(best), planner="builder")

    def plans(self, seen: Scene) -> Iterator[Plan]:
        """The k best plans, best first."""
        for built in self.builder.build(self.states(seen.text), seen, self.beam):
            try:
                yield assemble(self.builder.space, seen, built.decisions)
            except PlanError:
                continue
