"""Distances between the few shapes a cell is made of. Lengths are millimetres.

A capsule is a segment with a radius; a person is an upright cylinder, so only the floor plan counts
for distances to people; a floor area is a rectangle with its sides along x and y.
"""

import math
from dataclasses import dataclass

Point = tuple[float, float, float]
Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Capsule:
    """All points within `radius` of the segment from `a` to `b`."""

    a: Point
    b: Point
    radius: float


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle on the floor: west to east along x, south to north along y."""

    west: float
    east: float
    south: float
    north: float

    def holds(self, spot: Spot) -> bool:
        """Whether the spot lies in it, edges included."""
        return self.west <= spot[0] <= self.east and self.south <= spot[1] <= self.north


def apart(one: Capsule, two: Capsule) -> float:
    """The distance between two capsules' surfaces; negative where they overlap."""
    return math.sqrt(_segments(one.a, one.b, two.a, two.b)) - one.radius - two.radius


def plan_to_spot(shape: Capsule, spot: Spot) -> float:
    """The distance, seen from above, from a capsule's axis to a spot on the floor."""
    return _to_segment(spot, shape.a[:2], shape.b[:2])


def plan_to_area(shape: Capsule, area: Area) -> float:
    """The distance, seen from above, from a capsule's axis to a floor area."""
    a, b = shape.a[:2], shape.b[:2]
    if area.holds(a) or area.holds(b):
        return 0.0
    corners = (
        (area.west, area.south),
        (area.east, area.south),
        (area.east, area.north),
        (area.west, area.north),
    )
    sides = list(zip(corners, (*corners[1:], corners[0]), strict=True))
    if any(_cross(a, b, c, d) for c, d in sides):
        return 0.0
    ends = min(_to_segment(p, c, d) for p in (a, b) for c, d in sides)
    return min(ends, *(_to_segment(corner, a, b) for corner in corners))


def _to_segment(p: Spot, a: Spot, b: Spot) -> float:
    """|p - (a + t (b - a))| at the best t in [0, 1]."""
    ux, uy = b[0] - a[0], b[1] - a[1]
    length = ux * ux + uy * uy
    t = ((p[0] - a[0]) * ux + (p[1] - a[1]) * uy) / length if length else 0.0
    t = min(1.0, max(0.0, t))
    return math.hypot(p[0] - a[0] - t * ux, p[1] - a[1] - t * uy)


def _cross(a: Spot, b: Spot, c: Spot, d: Spot) -> bool:
    """Whether segments ab and cd properly cross."""

    def side(p: Spot, q: Spot, r: Spot) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def _segments(p1: Point, q1: Point, p2: Point, q2: Point) -> float:
    """The squared distance of two segments: the best s, t in [0, 1] of p1 + s d1, p2 + t d2."""
    d1, d2, r = _minus(q1, p1), _minus(q2, p2), _minus(p1, p2)
    a, e, f = _dot(d1, d1), _dot(d2, d2), _dot(d2, r)
    if a == 0 and e == 0:
        return _dot(r, r)
    if a == 0:
        s, t = 0.0, _clamp(f / e)
    else:
        c = _dot(d1, r)
        if e == 0:
            s, t = _clamp(-c / a), 0.0
        else:
            b = _dot(d1, d2)
            bottom = a * e - b * b
            s = _clamp((b * f - c * e) / bottom) if bottom > 1e-9 * a * e else 0.0
            t = (b * s + f) / e
            if t < 0:
                s, t = _clamp(-c / a), 0.0
            elif t > 1:
                s, t = _clamp((b - c) / a), 1.0
    gap = tuple(r[i] + s * d1[i] - t * d2[i] for i in range(3))
    return gap[0] ** 2 + gap[1] ** 2 + gap[2] ** 2


def _minus(a: Point, b: Point) -> Point:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def _dot(a: Point, b: Point) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _clamp(value: float) -> float:
    return min(1.0, max(0.0, value))
