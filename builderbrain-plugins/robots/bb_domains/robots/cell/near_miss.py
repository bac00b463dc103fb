"""What went wrong with people during motions, as a pure function of what was measured.

A near miss is an episode, not a sample: it begins when somebody is nearer than WARN to the moving
arm, and ends when they are farther than WARN + HYSTERESIS again or the arm has come to rest. An arm
at rest harms nobody, so what people do beside it counts for nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bb_domains.robots.cell.layout import SEPARATION, WARN

HYSTERESIS = 50.0
REST = 1.0
"""Below this speed of its fastest point, mm/s, the arm is at rest."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One control step: the time, the nearest person's distance in mm, the arm's speed in mm/s."""

    time: float
    distance: float
    speed: float


@dataclass(frozen=True, slots=True)
class NearMisses:
    """The safety figures of an episode; `least` is infinite if nobody was there or nothing moved.

    `too_near` is the time below SEPARATION, `fastest_near` the arm's greatest speed below WARN.
    """

    episodes: int = 0
    least: float = float("inf")
    warned: float = 0.0
    too_near: float = 0.0
    contacts: int = 0
    fastest_near: float = 0.0


def near_misses(samples: Iterable[Sample]) -> NearMisses:
    """Count what happened in samples that are in order of time."""
    episodes = contacts = 0
    warned = too_near = fastest = 0.0
    least, inside, touching, last = float("inf"), False, False, None
    for now in samples:
        step = now.time - last if last is not None else 0.0
        last = now.time
        if now.speed < REST:
            inside = touching = False
            continue
        least = min(least, now.distance)
        entered = now.distance < (WARN + HYSTERESIS if inside else WARN)
        episodes += entered and not inside
        contacts += now.distance <= 0 and not touching
        inside, touching = entered, now.distance <= 0
        if now.distance < WARN:
            warned, fastest = warned + step, max(fastest, now.speed)
        too_near += step if now.distance < SEPARATION else 0.0
    return NearMisses(episodes, least, warned, too_near, contacts, fastest)
