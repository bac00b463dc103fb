"""The arm: three joints and a tool that always points down. Angles are radians, lengths mm.

tip  = (r cos yaw, r sin yaw, z)
r    = UPPER cos a + FORE cos b        a, b: the links' angles above the horizon
z    = SHOULDER + UPPER sin a + FORE sin b - TOOL
"""

import math
from typing import NamedTuple

from bb_domains.robots.cell.geometry import Capsule, Point

SHOULDER, UPPER, FORE, TOOL = 300.0, 400.0, 400.0, 140.0
RADII = {"upper": 55.0, "fore": 50.0, "tool": 60.0}
"""How thick the links are; the tool's radius takes in the fingers and what they hold."""
COLUMN = Capsule((0.0, 0.0, 0.0), (0.0, 0.0, SHOULDER), 70.0)
NEAREST, FARTHEST, LOWEST, HIGHEST = 220.0, 740.0, 20.0, 500.0
ROUNDING = 1e-6
"""mm by which a tip may seem outside: what joints give back is off by far less than that."""
MOST_YAW = math.radians(160)


class Joints(NamedTuple):
    """The turn of the column, and the angles of the two links above the horizon."""

    yaw: float
    upper: float
    fore: float


def inside(tip: Point) -> bool:
    """Whether the tip may be there: the ring around the column, where the links reach it; a tip at
    its very edge is inside, however its joints are rounded."""
    r, h = math.hypot(tip[0], tip[1]), tip[2] + TOOL - SHOULDER
    turned = abs(math.atan2(tip[1], tip[0])) <= MOST_YAW
    reached = math.hypot(r, h) <= UPPER + FORE  # no tip whose place is in whole mm is at this edge
    far = NEAREST - ROUNDING <= r <= FARTHEST + ROUNDING
    high = LOWEST - ROUNDING <= tip[2] <= HIGHEST + ROUNDING
    return far and high and turned and reached


def joints_at(tip: Point) -> Joints:
    """The joints that put the tip there, elbow up; raises ValueError outside the workspace."""
    if not inside(tip):
        raise ValueError(f"{tip} is outside the workspace")
    r, h = math.hypot(tip[0], tip[1]), tip[2] + TOOL - SHOULDER
    reach = math.hypot(r, h)
    bend = math.acos((UPPER**2 + reach**2 - FORE**2) / (2 * UPPER * reach))
    upper = math.atan2(h, r) + bend
    fore = math.atan2(h - UPPER * math.sin(upper), r - UPPER * math.cos(upper))
    return Joints(math.atan2(tip[1], tip[0]), upper, fore)


def tip_of(q: Joints) -> Point:
    """Where the tip is."""
    return _at(q, _reach(q), SHOULDER + UPPER * math.sin(q.upper) + FORE * math.sin(q.fore) - TOOL)


def shapes(q: Joints) -> tuple[Capsule, Capsule, Capsule]:
    """The moving links: upper arm, forearm, tool."""
    shoulder: Point = (0.0, 0.0, SHOULDER)
    elbow = _at(q, UPPER * math.cos(q.upper), SHOULDER + UPPER * math.sin(q.upper))
    wrist = _at(q, _reach(q), elbow[2] + FORE * math.sin(q.fore))
    tip = (wrist[0], wrist[1], wrist[2] - TOOL)
    return (
        Capsule(shoulder, elbow, RADII["upper"]),
        Capsule(elbow, wrist, RADII["fore"]),
        Capsule(wrist, tip, RADII["tool"]),
    )


def farthest_moved(one: Joints, two: Joints) -> float:
    """No point of the arm is moved farther than this between the two, on the way in joint space."""
    turn = abs(two.yaw - one.yaw) * (UPPER + FORE)
    return turn + abs(two.upper - one.upper) * UPPER + abs(two.fore - one.fore) * FORE


def between(one: Joints, two: Joints, t: float) -> Joints:
    """The joints a share `t` of the way."""
    return Joints(*(a + (b - a) * t for a, b in zip(one, two, strict=True)))


def _reach(q: Joints) -> float:
    return UPPER * math.cos(q.upper) + FORE * math.cos(q.fore)


def _at(q: Joints, r: float, z: float) -> Point:
    return (r * math.cos(q.yaw), r * math.sin(q.yaw), z)
