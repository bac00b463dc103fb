"""What a stream rail is made of, as a value that goes to JSON and back."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from bb_nn.errors import RailError

Coupling = Literal["ladder", "inject"]
SPACING: dict[Coupling, int] = {"ladder": 5, "inject": 8}
"""Layers from tap to tap, unless told: a tap that enters the base costs more than a ladder's. With
rails of the usual width both keep decoding within a tenth of the embedded base's time."""


@dataclass(frozen=True, slots=True)
class RailConfig:
    """The shape of a stream rail.

    `ladder`: the rail reads the base and enters once, before the final norm and the head; the base
    never sees it. `inject`: it enters after every tapped layer, and the next layer sees it.
    """

    coupling: Coupling = "ladder"
    every: int = 0  # tap every n-th layer, counted from the last; 0: as in SPACING
    taps: tuple[int, ...] = ()  # or exactly these layers, from 0
    width: int = 0  # of the rail's stream; 0 is a quarter of the base's hidden size
    heads: int = 4
    window: int = 16  # base positions a tap attends to, itself included
    feed: int = 2  # the feed-forward layer's width, in widths
    alpha: float = 0.05  # each gate at birth
    cap: float = 0.5  # the gates' mean stays under this
    rho: float | None = 1.0  # clamp: a delta is never longer than rho times the state; None: none
    skills: int = 0  # low-rank skill adapters at each tap
    skill_rank: int = 8
    in_path: tuple[str, ...] = ()  # base projections given a gated low-rank delta; inject only
    in_path_rank: int = 8

    def __post_init__(self) -> None:
        counts = (self.every, self.width, self.heads, self.window, self.feed, *self.taps)
        for count in (*counts, self.skills, self.skill_rank, self.in_path_rank):
            if not isinstance(count, int):
                found = f"{count!r} is no whole number"
                raise RailError(found, where="RailConfig", fix="give whole numbers for counts")
        checks = (
            (self.coupling in get_args(Coupling), "coupling", "ladder or inject"),
            (self.every >= 0, "every", "at least 1, or 0 for the coupling's own"),
            (list(self.taps) == sorted(set(self.taps)), "taps", "each layer once, rising"),
            (min(self.heads, self.window, self.feed) >= 1, "heads, window, feed", "at least 1"),
            (self.width >= 0 == self.width % max(1, self.heads), "width", "a multiple of heads"),
            (0 <= self.cap <= 1, "cap", "between 0 and 1"),
            (0 <= self.alpha <= self.cap, "alpha", "between 0 and the cap"),
            (self.rho is None or 0 < self.rho < math.inf, "rho", "above 0 and finite, or none"),
            (self.skills >= 0, "skills", "at least 0"),
            (min(self.skill_rank, self.in_path_rank) >= 1, "rank", "at least 1"),
            (not self.in_path or self.coupling == "inject", "in_path", "only with inject"),
        )
        for holds, field, rule in checks:
            if not holds:
                raise RailError(f"{field} is out of bounds", where="RailConfig", fix=rule)
        object.__setattr__(self, "every", self.every or SPACING[self.coupling])

    def layers(self, depth: int) -> tuple[int, ...]:
        """The tapped layers of a base this deep, rising; raises RailError for one it has not."""
        taps = self.taps or tuple(reversed(range(depth - 1, -1, -self.every)))
        if taps[0] < 0 or taps[-1] >= depth:
            raise RailError(f"taps {taps} on a base of {depth} layers", where="RailConfig")
        return taps

    def rail_width(self, hidden: int) -> int:
        """The stream's width over a base of this hidden size."""
        return self.width or max(self.heads, hidden // 4 // self.heads * self.heads)

    def to_json(self) -> dict[str, Any]:
        """A plain JSON object."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "RailConfig":
        """The value that `to_json` gave; raises RailError for a field that is not known."""
        unknown = set(data) - {field.name for field in fields(cls)}
        if unknown:
            raise RailError(f"unknown field {sorted(unknown)[0]!r}", where="rail configuration")
        made: Any = cls
        result: RailConfig = made(
            **{name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
        )
        return result
