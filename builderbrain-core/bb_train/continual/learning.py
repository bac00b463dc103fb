"""How a candidate is learnt from episodes: its numbers, in one frozen value."""

from dataclasses import asdict, dataclass, field
from typing import Any

from bb_train.config import Optimiser


@dataclass(frozen=True, slots=True)
class Learning:
    """When a candidate is made and how far it may go.

    every     so many new episodes make a candidate
    missed    if what serves misses less than this share of them, they do not: a promotion spends
              epsilon, and nothing is learnt while its canary is watched
    replay    episodes kept from before (a uniform sample of all that were)
    held      share of the replay that is not learnt from, but measured on
    kl        limit of the KL to what serves on replayed episodes, nats an episode
    drift     how far the task loss on held replay may rise, nats
    audited   at most so many new and replayed episodes are audited on, half and half
    rank      of newborn adapters
    """

    every: int = 40
    missed: float = 0.05
    replay: int = 400
    held: float = 0.25
    kl: float = 0.05
    drift: float = 0.1
    audited: int = 40
    rank: int = 8
    seed: int = 0
    optimiser: Optimiser = field(
        default_factory=lambda: Optimiser(steps=60, batch=8, rate=3e-3, warmup=5, decay=0.0)
    )

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)
