"""A motion as a py_trees behaviour tree, ticked until it has succeeded or failed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from py_trees.behaviour import Behaviour
from py_trees.common import Status
from py_trees.composites import Selector, Sequence

if TYPE_CHECKING:
    from bb_domains.robots.cell.motion import Motion


class Ask(Behaviour):
    """A leaf that does one thing a tick and says what came of it."""

    def __init__(self, name: str, ask: Callable[[], Status]) -> None:
        super().__init__(name)
        self.ask = ask

    def update(self) -> Status:
        """What the tick came to."""
        return self.ask()


def tree(motion: "Motion") -> Behaviour:
    """fallback( sequence(not stopped and nobody too near?, follow the way), halt )"""

    def watch() -> Status:
        return Status.SUCCESS if motion.may_go_on() else Status.FAILURE

    def follow() -> Status:
        return Status.SUCCESS if motion.step() else Status.RUNNING

    def halt() -> Status:
        motion.halted = True
        return Status.FAILURE

    going = Sequence("go", memory=False, children=[Ask("watch", watch), Ask("follow", follow)])
    return Selector("motion", memory=False, children=[going, Ask("halt", halt)])


def ticked(motion: "Motion") -> bool:
    """Tick the motion's tree until it ends; whether it succeeded."""
    root = tree(motion)
    while root.status is not Status.SUCCESS and not motion.halted:
        root.tick_once()
    return root.status is Status.SUCCESS
