"""A change of the library is kept only if a paired test says that nothing got worse.

Not covered: that the items are fresh. Judging ten changes on the same items is ten looks at them;
the caller draws new items, or corrects with `bb_train.statistics.holm`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

from bb_nn.programs.live import Live, Version
from bb_train.statistics import discordant, noninferior

M = TypeVar("M", bound=nn.Module)
MARGIN = 0.02
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a paired test made of a change.

    gained, lost: items only the version after, or only the one before, got right, among n. p: of
    being worse by `margin` or more. Accepted if p < level.
    """

    accepted: bool
    gained: int
    lost: int
    n: int
    p: float
    margin: float


def judged(
    after: Sequence[bool], before: Sequence[bool], margin: float = MARGIN, level: float = LEVEL
) -> Verdict:
    """The verdict on the same items before and after; with no item at all it is a refusal.

    Without one discordant pair it takes about 2.7 / margin items to accept.
    """
    gained, lost = discordant(after, before)
    n = len(after)
    p = noninferior(gained, lost, n, margin) if n else 1.0
    return Verdict(p < level, gained, lost, n, p, margin)


def tried(
    live: Live[M],
    change: Callable[[Live[M]], Version[M]],
    outcomes: Callable[[Version[M]], Sequence[bool]],
    margin: float = MARGIN,
    level: float = LEVEL,
) -> Verdict:
    """Make a change beside the served model, and on the served one if the verdict is good.

    `outcomes` says for each of the same items, in the same order, whether a version gets it right.
    Requests never see a change that was refused. A refused change leaves `live` as it was, byte
    for byte; so does one that raises.
    """
    now = live.version
    trial = Live(now.model, now.library)
    verdict = judged(outcomes(change(trial)), outcomes(now), margin, level)
    if verdict.accepted:
        live.put(trial.version, now)
    return verdict
