"""How much a builder may decide: alpha goes up only where a paired test says so.

    alpha <- min(1, alpha + step)   if the win and the safety test both pass at alpha + step
    alpha <- alpha / 2              otherwise, and the lifting ends

Win: McNemar's exact test, one-sided, on the dev tasks that compose: more of them right than by the
base alone. Safety: not worse by `margin` at acting wrongly on any dev task (Tango's score test).
Both against alpha = 0 on the same tasks. What is measured is the builder under this very alpha.

Not covered: looking many times at one dev set. At most three steps are judged (0.05 to 1), on
tasks that the shipped figures are not made from.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bb_train.evaluate import Score
from bb_train.statistics import discordant, mcnemar, noninferior

COMPOSITION = frozenset({"combo", "long", "cross"})
"""The families whose tasks put known parts together in new ways."""


@dataclass(frozen=True, slots=True)
class Gate:
    """When alpha is lifted. `level`: both tests' p must be below; `margin`: a share of tasks."""

    step: float = 0.475
    level: float = 0.05
    margin: float = 0.02


@dataclass(frozen=True, slots=True)
class Lift:
    """One judgement: what was tried, what both tests said, and the alpha that follows."""

    before: float
    tried: float
    after: float
    passed: bool
    n: int
    gained: int
    lost: int
    p_win: float
    safer: int
    wilder: int
    p_worse: float

    def to_json(self) -> dict[str, Any]:
        """The judgement as a flat record."""
        return asdict(self)


def judge(
    before: float, tried: float, ours: Sequence[Score], base: Sequence[Score], gate: Gate
) -> Lift:
    """The judgement on scores of the same tasks, in the same order, at `tried` and at alpha 0."""
    pairs = list(zip(ours, base, strict=True))
    composed = [(a, b) for a, b in pairs if a.family in COMPOSITION]
    gained, lost = discordant([a.right for a, _ in composed], [b.right for _, b in composed])
    safer, wilder = discordant(
        [not a.acted_wrongly for a, _ in pairs], [not b.acted_wrongly for _, b in pairs]
    )
    p_win = mcnemar(gained, lost, "greater")
    p_worse = noninferior(safer, wilder, len(pairs), gate.margin) if pairs else 1.0
    passed = p_win < gate.level and p_worse < gate.level
    after = tried if passed else before / 2
    return Lift(
        before, tried, after, passed, len(pairs), gained, lost, p_win, safer, wilder, p_worse
    )


def lifted(
    start: float, base: Sequence[Score], scores: Callable[[float], Sequence[Score]], gate: Gate
) -> tuple[float, tuple[Lift, ...]]:
    """The alpha that the tests allow, and every judgement on the way. `scores`: at an alpha."""
    alpha, judged = start, list[Lift]()
    while alpha < 1.0:
        tried = min(1.0, alpha + gate.step)
        judged.append(judge(alpha, tried, scores(tried), base, gate))
        alpha = judged[-1].after
        if not judged[-1].passed:
            break
    return alpha, tuple(judged)
