"""A planner for the evaluator: what a builder decides, with a fixed text wherever it writes one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from workload import Ground

from bb_core.actions import assemble
from bb_core.decision import Decision, Write
from bb_core.errors import BuilderbrainError
from bb_core.scene import Scene, scene
from bb_nn.tapped import Tapped, tap
from bb_runtime.rounds import Ask, Draft

SAYS = "Shall I go on?"
Decide = Callable[[Tapped, Scene], Sequence[Decision]]
"""The decisions of the likeliest plan, by a text's frozen states; none if there is no plan."""


@dataclass
class Likeliest:
    """Plans as text; an empty one where the decisions make none."""

    here: Ground
    decide: Decide

    def __call__(self, ask: Ask) -> Draft:
        """The plan for what is asked."""
        seen = scene(ask.request, ask.observations, ask.facts)
        told = tap(self.here.base, [seen.text], self.here.layers)[0]
        made = self.decide(told, seen)
        try:
            plan = assemble(self.here.space, seen, [_spoken(d) for d in made])
            return Draft(self.here.domain.print(plan), planner="builder")
        except BuilderbrainError:
            return Draft("", planner="builder")


def _spoken(decision: Decision) -> Decision:
    fills = tuple(Write(SAYS) if isinstance(f, Write) else f for f in decision.fills)
    return replace(decision, fills=fills)
