"""The shape of a plan builder, as plain values that are written beside its weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from bb_nn.errors import RailError

DEEPEST = 999
"""No base has more layers."""

BOUNDS: Mapping[str, tuple[float, float]] = {
    "base_width": (1, 2**20),
    "width": (8, 4096),
    "heads": (1, 64),
    "blocks": (1, 24),
    "window": (0, 4096),
    "dropout": (0, 0.9),
    "tap_dropout": (0, 0.9),
    "span": (1, 4096),
    "strangers": (0, 0.9),
    "segmenter": (0, 4096),
    "skills": (0, 4096),
    "rank": (1, 256),
}
"""The least and the most of each number."""


@dataclass(frozen=True, slots=True)
class BuilderConfig:
    """What a builder is made with; raises RailError for a shape that none can have.

    layers: the base's layers it reads (0: the token embeddings alone, a control). base_width: the
    base's hidden size. segmented: cut the request into clauses and decode each on its own; False
    decodes the whole plan from the whole request, a control. segmenter: the width of the memory
    that cuts are read from; 0: what all else is read from. span: the longest text, in tokens, that
    is copied as it stands. strangers: so large a share of the tools on offer has no vector at a
    step of training, and is told by what the request says of its words and values alone; as is,
    afterwards, a tool that training never showed. skills: rows of the skill adapters' bank; 0
    has none. common: one more row, for every question. reading: one more, for how every token is
    read. ranked: doubtful cuts are tried as well, and a ranker says which plan is best; see
    `ranker`.
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
    strangers: float = 0.0
    skills: int = 0
    rank: int = 8
    common: bool = False
    reading: bool = False
    ranked: bool = False

    def __post_init__(self) -> None:
        try:
            _require(self)
        except (TypeError, ValueError) as error:
            raise RailError(str(error), where="BuilderConfig") from None

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain JSON."""
        return {**asdict(self), "layers": list(self.layers)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "BuilderConfig":
        """Read `to_json`'s form; raises RailError for any other key, type or size."""
        try:
            return cls(**{**data, "layers": tuple(data["layers"])})
        except (TypeError, KeyError, ValueError) as error:
            found = str(error)
        except RailError as error:
            found = error.found
        raise RailError(f"not a builder's configuration: {found}", where="rail.json")


def _require(config: BuilderConfig) -> None:
    """Raise ValueError for a field of another type or size than a builder can be made with."""
    for one in fields(config):
        value = getattr(config, one.name)
        whole = type(value) is int and one.type is float
        if one.name != "layers" and type(value) is not one.type and not whole:
            raise ValueError(f"{one.name!r} is {value!r}")
        low, high = BOUNDS.get(one.name, (value, value))
        if not low <= value <= high:
            raise ValueError(f"{one.name!r} is {value}, not {low:g} to {high:g}")
    if type(config.layers) is not tuple:
        raise ValueError(f"'layers' are {config.layers!r}, not a tuple")
    deep = [n for n in config.layers if type(n) is not int or not 0 <= n <= DEEPEST]
    if deep or not config.layers:
        raise ValueError(f"'layers' are {list(config.layers)!r}")
    least = BOUNDS["width"][0]
    if 0 < config.segmenter < least:
        raise ValueError(f"'segmenter' is {config.segmenter}, not 0 or {least:g} up")
    for key in ("width", "segmenter"):
        if getattr(config, key) % (2 * config.heads):
            raise ValueError(f"{key!r} does not divide into pairs over the heads")
