"""The way of the arm from where it is to a tip position: up, across, down, in joint space.

A leg takes  farthest_moved / speed  seconds, so no point of the arm is ever faster than the speed.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from bb_domains.robots.cell.arm import Joints, between, farthest_moved, joints_at, tip_of
from bb_domains.robots.cell.geometry import Point
from bb_domains.robots.cell.layout import TRAVEL

STEP = 50.0
"""No point of the arm moves farther than this between two neighbouring samples of a way."""


@dataclass(frozen=True)
class Way:
    """The corners of a way; between two of them every joint turns evenly."""

    corners: tuple[Joints, ...]

    @cached_property
    def legs(self) -> tuple[float, ...]:
        """How far a point of the arm moves at most on each leg, mm."""
        pairs = zip(self.corners, self.corners[1:], strict=False)
        return tuple(farthest_moved(one, two) for one, two in pairs)

    @property
    def length(self) -> float:
        """How far a point of the arm moves at most on the whole way, mm."""
        return sum(self.legs)

    def at(self, gone: float) -> Joints:
        """The joints when so much of the length has been gone."""
        for (one, two), leg in zip(self._pairs(), self.legs, strict=True):
            if gone <= leg:
                return between(one, two, gone / leg if leg else 1.0)
            gone -= leg
        return self.corners[-1]

    def samples(self) -> Iterator[tuple[float, Joints]]:
        """Joints along the way, each with the length gone by then; `STEP` apart at most."""
        gone = 0.0
        for (one, two), leg in zip(self._pairs(), self.legs, strict=True):
            count = max(1, math.ceil(leg / STEP))
            for k in range(count):
                yield gone + leg * k / count, between(one, two, k / count)
            gone += leg
        yield gone, self.corners[-1]

    def _pairs(self) -> Sequence[tuple[Joints, Joints]]:
        return list(zip(self.corners, self.corners[1:], strict=False))


def way(start: Joints, goal: Point) -> Way:
    """The way to a tip position; raises ValueError where that is outside the workspace."""
    end, here = joints_at(goal), tip_of(start)
    corners = [start, _above(here), _above(goal), end]
    kept = [corner for i, corner in enumerate(corners) if not i or corner != corners[i - 1]]
    return Way(tuple(kept))


def _above(tip: Point) -> Joints:
    """The joints above a place, at the height of travel."""
    return joints_at((tip[0], tip[1], max(tip[2], TRAVEL)))
