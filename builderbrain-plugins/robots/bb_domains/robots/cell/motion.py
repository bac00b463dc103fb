"""A motion, carried out tick by tick: a behaviour tree watches the distance and halts the arm.

    motion = fallback( sequence(not stopped and nobody too near?, follow the way), halt )

The watch is the last line, not the first: a plan is let pass only if it never has to act. What
moves the arm is a `Body`; the one here goes exactly where it is told, the one in `sim` has
dynamics.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bb_domains.robots.cell.arm import Joints, shapes
from bb_domains.robots.cell.geometry import Spot, plan_to_spot
from bb_domains.robots.cell.layout import PERSON_RADIUS, SEPARATION
from bb_domains.robots.cell.near_miss import Sample
from bb_domains.robots.cell.path import Way

TICK = 0.05
"""Seconds between two looks."""
NOBODY = 1e6


class Body(Protocol):
    """What is moved: it follows joints, and can say how near people are to its moving links."""

    def follow(self, q: Joints, seconds: float) -> Joints:
        """Take the joints there in this time; gives where they are after it."""
        ...

    def nearest(self, people: Sequence[Spot]) -> float:
        """The distance of the nearest person to a moving link, mm."""
        ...

    def grips(self, name: str) -> bool:
        """Close the fingers on an object; whether it is held now."""
        ...

    def releases(self, name: str, to: str) -> None:
        """Open the fingers over a place, or give what they hold to a person."""
        ...


BodyMaker = Callable[[Joints, Mapping[str, str], int], Body]
"""Makes a body at these joints, with objects where they are, for so many people."""


class Exact:
    """A body without mass: it is where it is told to be."""

    def __init__(self, q: Joints, objects: Mapping[str, str], people: int) -> None:
        self.q = q

    def follow(self, q: Joints, seconds: float) -> Joints:
        """Be there."""
        self.q = q
        return q

    def nearest(self, people: Sequence[Spot]) -> float:
        """The horizontal distance between surfaces."""
        links = shapes(self.q)
        gaps = (plan_to_spot(link, spot) - link.radius for link in links for spot in people)
        return min(gaps, default=NOBODY) - PERSON_RADIUS

    def grips(self, name: str) -> bool:
        """What is there is held."""
        return True

    def releases(self, name: str, to: str) -> None:
        """What was held lies where it was let go."""


@dataclass
class Motion:
    """A way being gone. `people_at` lets people walk on for a tick and says where they are;
    `stopped` is asked before each."""

    body: Body
    way: Way
    speed: float
    people_at: Callable[[float, Collection[str]], Sequence[Spot]]
    locked: Collection[str] = ()
    watched: bool = True
    stopped: Callable[[], bool] = lambda: False
    gone: float = 0.0
    time: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    halted: bool = False

    @property
    def q(self) -> Joints:
        """Where the joints are told to be."""
        return self.way.at(self.gone)

    def too_near(self) -> bool:
        """Whether somebody was nearer than allowed at the last look."""
        return bool(self.samples) and self.samples[-1].distance < SEPARATION

    def may_go_on(self) -> bool:
        """Whether nobody stopped the arm, and nobody whom the watch sees is too near."""
        return not self.stopped() and not (self.watched and self.too_near())

    def step(self) -> bool:
        """One tick along the way; whether its end is reached."""
        self.gone = min(self.gone + self.speed * TICK, self.way.length)
        self.time += TICK
        people = self.people_at(TICK, self.locked)
        self.body.follow(self.way.at(self.gone), TICK)
        self.samples.append(Sample(self.time, self.body.nearest(people), self.speed))
        return self.gone >= self.way.length

    def run(self) -> bool:
        """Go the whole way, or until halted; whether the end was reached."""
        from bb_domains.robots.cell.ticks import ticked

        return ticked(self) if self.way.length else True
