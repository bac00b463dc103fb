"""Does a loss still stand for what it is there for? Proxies against outcomes, per checkpoint.

Alarm (i): between two checkpoints the proxy improves (sign test over examples, p < .01) while the
outcome worsens (McNemar, p < .05). Alarm (ii): over the last ten steps from checkpoint to
checkpoint, corr(-d proxy, d outcome) is below 0. Not covered: a proxy and an outcome that are wrong
together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from bb_train.statistics import binomial_p, discordant, mcnemar


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One proxy's value (lower is better) and the outcome, per example, in a fixed order."""

    proxy: tuple[float, ...]
    success: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class ProxyAlarm:
    """Which rule fired on which proxy, between which checkpoint and the one before, and why."""

    proxy: str
    rule: str
    checkpoint: int
    found: str


def proxy_alarms(name: str, path: Sequence[Checkpoint], last: int = 10) -> tuple[ProxyAlarm, ...]:
    """Both alarms over a run's checkpoints, oldest first."""
    rows = list(pairwise(path))
    found = [
        ProxyAlarm(name, "apart", place + 1, why)
        for place, (old, new) in enumerate(rows)
        if (why := apart(old, new))
    ]
    moves = [
        (_mean(old.proxy) - _mean(new.proxy), _mean(new.success) - _mean(old.success))
        for old, new in rows[-last:]
    ]
    r = correlation(moves)
    if len(moves) >= 3 and r is not None and r < 0:
        why = f"corr(-d proxy, d success) = {r:.2f} over {len(moves)} checkpoints"
        found.append(ProxyAlarm(name, "against", len(path) - 1, why))
    return tuple(found)


def apart(old: Checkpoint, new: Checkpoint) -> str:
    """Why the proxy got better while the outcome got worse; "" when it did not."""
    moves = [b - a for a, b in zip(old.proxy, new.proxy, strict=True) if a != b]
    better = sum(m < 0 for m in moves)
    improves = binomial_p(better, len(moves), 0.5, "greater") if moves else 1.0
    lost, won = discordant(old.success, new.success)
    worsens = mcnemar(lost, won, "greater")
    if improves >= 0.01 or worsens >= 0.05:
        return ""
    return (
        f"better on {better} of {len(moves)} examples (p {improves:.2g}), "
        f"{lost} successes lost for {won} won (p {worsens:.2g})"
    )


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's r; None when a side does not vary."""
    if len(pairs) < 2:
        return None
    xs, ys = ([p[k] for p in pairs] for k in (0, 1))
    mx, my = _mean(xs), _mean(ys)
    xx, yy = sum((x - mx) ** 2 for x in xs), sum((y - my) ** 2 for y in ys)
    if xx == 0 or yy == 0:
        return None
    return sum((x - mx) * (y - my) for x, y in pairs) / sqrt(xx * yy)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
