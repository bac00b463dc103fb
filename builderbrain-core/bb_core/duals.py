"""The multipliers of training constraints: one number per constraint, moved by a repaired rule.

    e    <- 0.9 e + 0.1 l                        the raw loss, smoothed
    s     = clip((e - c) / max(|c|, eps), -1, 1)  relative violation
    lam  <- clip(lam + eta s, 0, lam_max)

No multiplier moves before the task is learnt (warm-up), and none rises while its loss falls by
itself (conditional anti-windup). Plain dual ascent, lam <- [lam + eta (l - c)]+, winds up: a loss
far above its limit at the start carries lam to a height from which a small slack never brings it
back (`ascend`, kept as the case an audit must catch). The violation is always that of the raw loss:
what is normalised for the gradient's sake never comes here.

Not covered: whether a constraint can be met at all, and whether its loss means what it says.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any, Literal

from bb_core.errors import BuilderbrainError

EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class Constraint:
    """Keep a raw loss at or below `limit` (in its own unit) by a multiplier in [0, lambda_max]."""

    name: str
    limit: float
    eta: float = 0.03
    lambda_max: float = 10.0
    falling: float = 0.01
    """While the smoothed loss falls by more than this fraction a step, its multiplier waits."""

    def __post_init__(self) -> None:
        if not (isfinite(self.limit) and self.eta > 0 and self.lambda_max > 0):
            raise BuilderbrainError(
                f"limit {self.limit}, eta {self.eta}, lambda_max {self.lambda_max}",
                where=f"constraint {self.name}",
                fix="give a finite limit, and eta and lambda_max above 0",
            )


@dataclass(frozen=True, slots=True)
class Warmup:
    """No multiplier moves before `at_least` steps, nor before the task loss fell to `fraction`.

    `at_most` ends the wait for the task loss (None: never): a run that starts from a trained model
    has no half to fall to.
    """

    at_least: int = 100
    fraction: float = 0.5
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Dual:
    """Where one multiplier stands. `ema` is None before the first loss was seen."""

    constraint: Constraint
    multiplier: float = 0.0
    ema: float | None = None
    move: float = 0.0
    """The clipped relative violation s of the last step; 0 while it waits."""

    @property
    def feasible(self) -> bool:
        """Whether the smoothed raw loss keeps its limit."""
        return self.ema is not None and self.ema <= self.constraint.limit


@dataclass(frozen=True, slots=True)
class Duals:
    """All multipliers of a run after `steps` steps. A value: `step` gives the next one."""

    duals: tuple[Dual, ...] = ()
    warmup: Warmup = Warmup()
    momentum: float = 0.9
    steps: int = 0
    task_first: float | None = None
    task_ema: float | None = None
    warm: bool = False
    """Whether warm-up is over; once over it stays over."""

    @property
    def multipliers(self) -> dict[str, float]:
        """lambda by constraint name."""
        return {d.constraint.name: d.multiplier for d in self.duals}

    @property
    def limits(self) -> dict[str, float]:
        """c by constraint name."""
        return {d.constraint.name: d.constraint.limit for d in self.duals}

    def rows(self) -> dict[str, dict[str, float]]:
        """What is logged of a step: l-hat, c, lambda and s of every constraint seen so far."""
        return {
            d.constraint.name: {
                "ema": d.ema,
                "limit": d.constraint.limit,
                "lambda": d.multiplier,
                "move": d.move,
            }
            for d in self.duals
            if d.ema is not None
        }


Rule = Callable[[Dual, float], Dual]
"""The next dual from the present one and the smoothed raw loss."""


def duals(*constraints: Constraint, warmup: Warmup | None = None, momentum: float = 0.9) -> Duals:
    """Multipliers at rest for these constraints; names are unique."""
    names = [c.name for c in constraints]
    if len(set(names)) != len(names):
        raise BuilderbrainError(
            f"constraints {', '.join(names)}", fix="give every constraint its own name"
        )
    return Duals(tuple(Dual(c) for c in constraints), warmup or Warmup(), momentum)


def repaired(dual: Dual, ema: float) -> Dual:
    """lam <- clip(lam + eta clip((e - c)/max(|c|, eps), -1, 1), 0, lam_max).

    It does not rise while e falls by itself.
    """
    c = dual.constraint
    s = max(-1.0, min(1.0, (ema - c.limit) / max(abs(c.limit), EPSILON)))
    if s > 0 and dual.ema is not None and dual.ema - ema > c.falling * abs(dual.ema):
        return replace(dual, ema=ema, move=0.0)
    multiplier = max(0.0, min(c.lambda_max, dual.multiplier + c.eta * s))
    return replace(dual, ema=ema, move=s, multiplier=multiplier)


def ascend(dual: Dual, ema: float) -> Dual:
    """lam <- [lam + eta (e - c)]+: plain dual ascent, which winds up. Not for training."""
    s = ema - dual.constraint.limit
    multiplier = max(0.0, dual.multiplier + dual.constraint.eta * s)
    return replace(dual, ema=ema, move=s, multiplier=multiplier)


def step(state: Duals, losses: Mapping[str, float], task: float, rule: Rule = repaired) -> Duals:
    """The multipliers after a step with these raw losses; a constraint without one keeps its own.

    A loss that is not finite counts as not seen: one bad batch must not move a multiplier.
    """
    steps = state.steps + 1
    first = _smooth(state.task_first, task, 1.0)
    task_ema = _smooth(state.task_ema, task, state.momentum)
    warm = state.warm or _warm(state.warmup, steps, first, task_ema)
    moved = tuple(
        _moved(d, losses.get(d.constraint.name), state.momentum, rule if warm else None)
        for d in state.duals
    )
    return replace(state, duals=moved, steps=steps, task_first=first, task_ema=task_ema, warm=warm)


def _warm(warmup: Warmup, steps: int, first: float | None, ema: float | None) -> bool:
    if warmup.at_most is not None and steps >= warmup.at_most:
        return True
    learnt = first is not None and ema is not None and ema <= warmup.fraction * first
    return steps >= warmup.at_least and learnt


def _smooth(ema: float | None, value: float, momentum: float) -> float | None:
    if not isfinite(value):
        return ema
    return value if ema is None else momentum * ema + (1 - momentum) * value


def _moved(dual: Dual, loss: float | None, momentum: float, rule: Rule | None) -> Dual:
    if loss is None or not isfinite(loss):
        return replace(dual, move=0.0)
    ema = loss if dual.ema is None else momentum * dual.ema + (1 - momentum) * loss
    return replace(dual, ema=ema, move=0.0) if rule is None else rule(dual, ema)


def dump(state: Duals) -> str:
    """The state as JSON; `load` gives an equal value, so that a resumed run goes on exactly."""
    return json.dumps(asdict(state))


def load(text: str) -> Duals:
    """The state that `dump` wrote."""
    raw: dict[str, Any] = json.loads(text)
    kept = tuple(Dual(**(d | {"constraint": Constraint(**d["constraint"])})) for d in raw["duals"])
    return Duals(**(raw | {"duals": kept, "warmup": Warmup(**raw["warmup"])}))


RuleName = Literal["repaired", "ascend"]
RULES: dict[RuleName, Rule] = {"repaired": repaired, "ascend": ascend}
