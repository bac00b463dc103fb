"""How near can anybody come to the arm on its way? A lower bound, over the whole swept volume.

Somebody seen at p when the arm starts is, t seconds later, within WALK t of p, and in an area that
the locked gates let them reach. With s(t) the arm's axis, r its radius and v its speed,

    clearance = min over samples k, links, areas A of
                max(|s(t_k), p| - WALK (t_k + h/v), |s(t_k), A|) - r - PERSON_RADIUS - h - TRACKING

where h is half of the farthest that a point of the arm moves between two samples: at any moment the
arm is at most h from its nearest sample, and at most h/v later than that.

The column turns in place and does not count. Covered: anything people can do on foot. Not covered:
arms stretched out beyond the body's radius, climbing the fence, a gate that does not lock, and an
arm that leaves its way by more than TRACKING.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bb_domains.robots.cell.arm import shapes
from bb_domains.robots.cell.geometry import Capsule, Spot, apart, plan_to_area, plan_to_spot
from bb_domains.robots.cell.layout import (
    HALL,
    NEEDED,
    PENS,
    PERSON_RADIUS,
    PILLAR,
    SPEEDS,
    TRACKING,
    WALK,
)
from bb_domains.robots.cell.path import STEP, Way
from bb_domains.robots.cell.people import area_of

FAR = 5000.0
"""What a clearance is when nobody is in the room."""
HALF = STEP / 2
LOCKING = NEEDED["normal"] + PERSON_RADIUS + HALF + TRACKING
"""A pen nearer to an axis than this and the link's radius has its gate locked."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What can be said of a way before it is gone. `clearance` is by the name of a speed."""

    clearance: Mapping[str, float]
    fixtures: float
    occupied: bool
    locked: tuple[str, ...]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Link:
    """A link at a moment of a way: how much is gone, and how far each area is from its axis."""

    gone: float
    shape: Capsule
    areas: Mapping[str, float]


def survey(path: Way, people: Sequence[Spot]) -> Survey:
    """A way as it would be gone now, with people where they are."""
    return _survey(path, tuple(people))


@lru_cache(maxsize=1024)
def _survey(path: Way, people: tuple[Spot, ...]) -> Survey:
    links, fixtures = _swept(path)
    locked = tuple(
        name
        for name in PENS
        if any(link.areas[name] - link.shape.radius < LOCKING for link in links)
    )
    found = dict.fromkeys(SPEEDS, FAR)
    for spot in people:
        for name, bound in _clearance(links, spot, _reachable(spot, locked)).items():
            found[name] = min(found[name], bound)
    return Survey(
        clearance=found,
        fixtures=fixtures - HALF - TRACKING,
        occupied=any(area_of(spot) in locked for spot in people),
        locked=locked,
        seconds={name: path.length / speed for name, speed in SPEEDS.items()},
    )


@lru_cache(maxsize=1024)
def _swept(path: Way) -> tuple[tuple[_Link, ...], float]:
    """The links at every sample, and the distance of the nearest to the pillar."""
    links = tuple(
        _Link(gone, shape, _areas(shape)) for gone, q in path.samples() for shape in shapes(q)
    )
    return links, min(apart(link.shape, PILLAR) for link in links)


def _areas(shape: Capsule) -> dict[str, float]:
    found = {name: plan_to_area(shape, pen) for name, pen in PENS.items()}
    return {**found, "hall": min(plan_to_area(shape, area) for area in HALL)}


def _reachable(spot: Spot, locked: Sequence[str]) -> tuple[str, ...]:
    """The areas that somebody can be in before the gates open again."""
    name = area_of(spot)
    if name in locked:
        return (name,)
    return ("hall", *(pen for pen in PENS if pen not in locked))


def _clearance(links: Sequence[_Link], spot: Spot, reach: Sequence[str]) -> dict[str, float]:
    found = dict.fromkeys(SPEEDS, FAR)
    for link in links:
        fence = min(link.areas[name] for name in reach)
        near = plan_to_spot(link.shape, spot)
        less = link.shape.radius + PERSON_RADIUS + HALF + TRACKING
        for name, speed in SPEEDS.items():
            walked = WALK * (link.gone + HALF) / speed
            found[name] = min(found[name], max(near - walked, fence) - less)
    return found
