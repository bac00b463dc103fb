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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bb_domains.robots.cell.arm import shapes
from bb_domains.robots.cell.geometry import Area, Capsule, Spot, apart, plan_to_area, plan_to_spot
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


@dataclass(frozen=True, slots=True)
class Survey:
    """What can be said of a way before it is gone. `clearance` is by the name of a speed."""

    clearance: Mapping[str, float]
    fixtures: float
    occupied: bool
    locked: tuple[str, ...]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Sample:
    """A moment of a way: how much of it is gone, and the links there."""

    gone: float
    links: tuple[Capsule, ...]


def survey(path: Way, people: Sequence[Spot]) -> Survey:
    """A way as it would be gone now, with people where they are."""
    samples = [_Sample(gone, shapes(q)) for gone, q in path.samples()]
    locked = tuple(name for name, pen in PENS.items() if _near(samples, pen))
    found = dict.fromkeys(SPEEDS, FAR)
    for spot in people:
        reach = _reachable(spot, locked)
        for name, bound in _clearance(samples, spot, reach).items():
            found[name] = min(found[name], bound)
    fixtures = min(apart(link, PILLAR) for sample in samples for link in sample.links)
    return Survey(
        clearance=found,
        fixtures=fixtures - HALF - TRACKING,
        occupied=any(area_of(spot) in locked for spot in people),
        locked=locked,
        seconds={name: path.length / speed for name, speed in SPEEDS.items()},
    )


def _near(samples: Iterable[_Sample], pen: Area) -> bool:
    """Whether somebody in the pen could be too near; then its gate is locked for the motion."""
    safe = NEEDED["normal"] + PERSON_RADIUS + HALF + TRACKING
    links = (link for sample in samples for link in sample.links)
    return any(plan_to_area(link, pen) - link.radius < safe for link in links)


def _reachable(spot: Spot, locked: Sequence[str]) -> tuple[Area, ...]:
    """The areas that somebody can be in before the gates open again."""
    name = area_of(spot)
    if name in locked:
        return (PENS[name],)
    return (*HALL, *(pen for pen_name, pen in PENS.items() if pen_name not in locked))


def _clearance(samples: Sequence[_Sample], spot: Spot, reach: Sequence[Area]) -> dict[str, float]:
    found = dict.fromkeys(SPEEDS, FAR)
    for sample in samples:
        for link in sample.links:
            fence = min(plan_to_area(link, area) for area in reach)
            near, less = plan_to_spot(link, spot), link.radius + PERSON_RADIUS + HALF + TRACKING
            for name, speed in SPEEDS.items():
                walked = WALK * (sample.gone + HALF) / speed
                found[name] = min(found[name], max(near - walked, fence) - less)
    return found
