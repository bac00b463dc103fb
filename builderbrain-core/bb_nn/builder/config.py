"""The shape of a plan builder, as plain values that are written beside its weights."""

from dataclasses import asdict, dataclass
from typing import Any

from bb_nn.errors import RailError


@dataclass(frozen=True, slots=True)
class BuilderConfig:
    """What a builder is made with.

    layers: the base's layers it reads (0: the token embeddings alone, a control). base_width: the
    base's hidden size. segmented: cut the request into clauses and decode each on its own; False
    decodes the whole plan from the whole request, a control. segmenter: the width of the memory
    that cuts are read from; 0: what all else is read from. span: the longest text, in tokens, that
    is copied as it stands. skills: rows of the skill adapters' bank; 0 has none. common: one more
    row, for every question. reading: one more, for how every token is read. ranked: doubtful cuts
    are tried as well, and a ranker says which plan is best; see `ranker`.
    """

    layers: tuple[int, ...]
    base_width: int
    width: int = 256
    heads: int = 4
    blocks: int = 2
    window: int = 6
    dropout: float = 0.1
    tap_dropout: float = 0.2
    span: int = 64
    segmented: bool = True
    segmenter: int = 0
    skills: int = 0
    rank: int = 8
    common: bool = False
    reading: bool = False
    ranked: bool = False

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain JSON."""
        return {**asdict(self), "layers": list(self.layers)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "BuilderConfig":
        """Read `to_json`'s form; raises RailError for a key that is not one."""
        try:
            return cls(**{**data, "layers": tuple(data["layers"])})
        except (TypeError, KeyError) as error:
            raise RailError(f"not a builder's configuration: {error}", where="rail.json") from None
