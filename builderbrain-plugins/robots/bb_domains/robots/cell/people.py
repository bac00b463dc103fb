"""People: where each wants to be, by a schedule, and where the fences and gates let them be."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bb_domains.robots.cell.geometry import Spot
from bb_domains.robots.cell.layout import HALL, PENS, WALK

Corner = tuple[float, float, float]
"""A time in seconds, and where the person wants to be then."""


@dataclass
class Person:
    """Someone who walks towards the schedule's spot for the time, and waits at a closed gate."""

    corners: tuple[Corner, ...]
    spot: Spot = field(init=False)

    def __post_init__(self) -> None:
        self.spot = self.wanted(0.0)

    def wanted(self, time: float) -> Spot:
        """Where the schedule has the person: straight from corner to corner, then at the last."""
        for one, two in pairwise(self.corners):
            if time < two[0]:
                share = max(0.0, time - one[0]) / (two[0] - one[0])
                return _mix(one[1:], two[1:], share)
        return self.corners[-1][1:]

    def walk(self, time: float, step: float, locked: Collection[str] = ()) -> None:
        """Go on for `step` seconds up to `time`, through no locked gate and over no fence."""
        goal = self.wanted(time)
        far, most = math.dist(self.spot, goal), WALK * step
        there = goal if far <= most else _mix(self.spot, goal, most / far)
        here, next_ = area_of(self.spot), area_of(there)
        if next_ and (here == next_ or not {here, next_} & set(locked)):
            self.spot = there


def person(corners: Sequence[Sequence[float]]) -> Person:
    """A person by schedule; raises ValueError for one that is nowhere, or goes back in time."""
    found = tuple((float(t), float(x), float(y)) for t, x, y in corners)
    if not found or any(two[0] < one[0] for one, two in pairwise(found)):
        raise ValueError(f"a schedule is [[seconds, x, y], …] in order of time, found {corners!r}")
    for _, x, y in found:
        if not area_of((x, y)):
            raise ValueError(f"({x:g}, {y:g}) is neither in a pen nor in the hall")
    return Person(found)


def area_of(spot: Spot) -> str:
    """The pen somebody is in, `hall`, or nothing for a spot behind the fences."""
    for name, pen in PENS.items():
        if pen.holds(spot):
            return name
    return "hall" if any(area.holds(spot) for area in HALL) else ""


def _mix(one: Spot, two: Spot, share: float) -> Spot:
    return one[0] + (two[0] - one[0]) * share, one[1] + (two[1] - one[1]) * share
