"""Is a proxy being gamed? A candidate against its incumbent on the same examples, before the gate.

For every proxy k (cfs, reuse, build, calibration; lower is better) and the outcome m:

    C_k = mean_i (-dp_ki - mean)(dm_i - mean),   r_k the same as a correlation

Alarms: `apart`, the proxy improved (sign test, p < .01) while the outcome got worse (McNemar,
p < .05); `covary`, where the proxy improved the outcome got worse, r_k < 0 (permutation, p < .01
over all proxies, Holm), and did get worse on some example: where nothing was lost, nothing was
traded for the proxy, and one that rises with what is learnt is no game; `wound up`, a multiplier of
the candidate's training did; `decorative`, plans that did nothing became more (McNemar, p < .05).
Any of them, given to the gate as `Evidence.alarms`, refuses the candidate.

Not covered: a proxy gamed only where no outcome was lost; a proxy and an outcome that are wrong
together; an outcome that nobody measures.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bb_train.audits.proxy import Checkpoint, apart, correlation
from bb_train.audits.windup import Point, windup
from bb_train.statistics import discordant, holm, mcnemar

Proxies = Mapping[str, Sequence[float]]
"""Each proxy's value on every example, in one order; lower is better."""

LEVEL = 0.01
DRAWS = 2000


@dataclass(frozen=True)
class Side:
    """What one version shows on the examples. `idle`: whose plan did nothing."""

    proxies: Proxies
    success: Sequence[bool]
    idle: Sequence[bool] = ()


@dataclass(frozen=True)
class Training:
    """What is known of a training: every multiplier's logged path, and its ceiling."""

    paths: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    ceilings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Covariance:
    """How one proxy's improvement goes with the outcome's. r and p None: nothing varied."""

    proxy: str
    covariance: float
    r: float | None
    p: float | None

    def to_json(self) -> dict[str, Any]:
        """As the ledger is told."""
        return {"covariance": self.covariance, "r": self.r, "p": self.p}


def covariances(before: Side, after: Side, seed: int = 0) -> tuple[Covariance, ...]:
    """C_k, r_k and p_k of every proxy both versions have; p is adjusted for their number (Holm)."""
    moved = [b - a for a, b in zip(before.success, after.success, strict=True)]
    raw = dict(_rows(before.proxies, after.proxies, moved, seed))
    adjusted = holm({name: p for name, (_, _, p) in raw.items() if p is not None})
    return tuple(Covariance(name, c, r, adjusted.get(name)) for name, (c, r, _) in raw.items())


def alarms(before: Side, after: Side, training: Training | None = None) -> tuple[str, ...]:
    """What stands against promoting `after`; empty where nothing does."""
    return tuple(_alarms(before, after, training or Training()))


def _alarms(before: Side, after: Side, training: Training) -> Iterator[str]:
    for name in sorted(before.proxies.keys() & after.proxies.keys()):
        old, new = (Checkpoint(tuple(s.proxies[name]), tuple(s.success)) for s in (before, after))
        if why := apart(old, new):
            yield f"{name} gamed: {why}"
    for row in covariances(before, after):
        against = row.r is not None and row.p is not None and row.r < 0 and row.p < LEVEL
        if against and discordant(before.success, after.success)[0]:
            yield f"{row.proxy} against the outcome: r {row.r:.2f}, p {row.p:.2g}"
    for name, path in training.paths.items():
        for alarm in windup(path, ceiling=training.ceilings.get(name)):
            yield f"multiplier of {name} wound up ({alarm.kind}): {alarm.found}"
    lost, won = discordant(after.idle, before.idle)
    if (p := mcnemar(lost, won, "greater")) < 0.05:
        yield f"decorative plans: {lost} more, {won} fewer (p {p:.2g})"


Row = tuple[str, tuple[float, float | None, float | None]]


def _rows(old: Proxies, new: Proxies, moved: Sequence[float], seed: int) -> Iterator[Row]:
    for name in sorted(old.keys() & new.keys()):
        gains = [a - b for a, b in zip(old[name], new[name], strict=True)]
        pairs = list(zip(gains, moved, strict=True))
        r = correlation(pairs)
        yield name, (_covariance(pairs), r, None if r is None else _p_below(gains, moved, r, seed))


def _covariance(pairs: Sequence[tuple[float, float]]) -> float:
    n = max(1, len(pairs))
    mx, my = (sum(p[k] for p in pairs) / n for k in (0, 1))
    return sum((x - mx) * (y - my) for x, y in pairs) / n


def _p_below(gains: Sequence[float], moved: Sequence[float], r: float, seed: int) -> float:
    """The share of orders of the outcomes in which r would be this low or lower."""
    source, hits, shuffled = random.Random(seed), 1, list(moved)
    for _ in range(DRAWS):
        source.shuffle(shuffled)
        other = correlation(list(zip(gains, shuffled, strict=True)))
        hits += other is not None and other <= r + 1e-12
    return hits / (DRAWS + 1)
