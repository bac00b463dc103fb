"""Has a multiplier wound up? Read from the logged path alone, whatever rule made it.

Three alarms. `overhang`: the constraint is met with room, yet the multiplier falls so slowly that
it would take longer than the run so far to come down by half. `pinned`: it stood at its ceiling for
much of the run. `task lost`: while multipliers stand, the task loss has gone far above its best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

AlarmKind = Literal["overhang", "pinned", "task lost"]
SHORTEST = 10
"""Of fewer steps a mean says nothing."""


@dataclass(frozen=True, slots=True)
class Point:
    """One logged step of one constraint: its smoothed raw loss, limit, multiplier, task loss."""

    ema: float
    limit: float
    multiplier: float
    task: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """What was seen, at which step of the path, and the figure that tripped it."""

    kind: AlarmKind
    step: int
    found: str


def windup(
    path: Sequence[Point],
    *,
    ceiling: float | None = None,
    window: int = 50,
    pinned: float = 0.4,
    lost: float = 2.0,
) -> tuple[Alarm, ...]:
    """The alarms of a path; none for one that is too short to judge (20 steps).

    window: so many steps are taken together, half of the path at most. ceiling: lambda_max where
    the rule has one. pinned: the share of steps at the ceiling that is too many. lost: how far
    above its best the mean task loss of a window may end.
    """
    window = min(window, len(path) // 2)
    if window < SHORTEST:
        return ()
    found = [_overhang(path, window), _pinned(path, ceiling, pinned), _lost(path, window, lost)]
    return tuple(alarm for alarm in found if alarm)


def at_rest(path: Sequence[Point], *, window: int = 50, tolerance: float = 0.2) -> bool:
    """Whether the multiplier has come to rest: off, or holding its limit without a drift.

    Off: at most 5 % of its peak in the last window, the limit met. Holding: the mean loss of the
    last window lies within `tolerance` of the limit, on either side, and the multiplier's mean
    moved by less than `tolerance` of its peak between the last two windows. A limit met with room
    under a high multiplier is not rest.
    """
    peak = max((p.multiplier for p in path), default=0.0)
    last, before = path[-window:], path[-2 * window : -window]
    if peak == 0 or not before:
        return peak == 0
    now, then = (_mean([p.multiplier for p in part]) for part in (last, before))
    limit, loss = last[-1].limit, _mean([p.ema for p in last])
    room = tolerance * abs(limit)
    if now <= 0.05 * peak:
        return loss <= limit + room
    return abs(loss - limit) <= room and abs(now - then) <= tolerance * peak


def _overhang(path: Sequence[Point], window: int) -> Alarm | None:
    """At the last steps: met with half the limit to spare, and lambda/2 over its fall > the run."""
    last = path[-window:]
    spare = all(p.ema < p.limit / 2 for p in last)
    high = last[-1].multiplier
    if not spare or high <= 0:
        return None
    fall = (last[0].multiplier - high) / (window - 1)
    steps = high / 2 / fall if fall > 0 else float("inf")
    if steps <= len(path):
        return None
    found = f"lambda {high:.4g} with {last[-1].ema:.3g} under {last[-1].limit:.3g}"
    return Alarm("overhang", len(path) - 1, f"{found}: {steps:.0f} steps to come down by half")


def _pinned(path: Sequence[Point], ceiling: float | None, share: float) -> Alarm | None:
    if ceiling is None:
        return None
    at = [i for i, p in enumerate(path) if p.multiplier >= 0.99 * ceiling]
    if len(at) <= share * len(path):
        return None
    return Alarm("pinned", at[-1], f"{len(at)} of {len(path)} steps at lambda_max {ceiling:.4g}")


def _lost(path: Sequence[Point], window: int, factor: float) -> Alarm | None:
    """The task's mean over the last window against its best window, while a multiplier stands."""
    means = [_mean([p.task for p in path[i : i + window]]) for i in range(len(path) - window + 1)]
    best, end = min(means), means[-1]
    standing = max(p.multiplier for p in path[means.index(best) :]) > 0
    if not standing or end <= factor * best:
        return None
    return Alarm("task lost", len(path) - 1, f"task loss {end:.3g}, {best:.3g} at its best")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
