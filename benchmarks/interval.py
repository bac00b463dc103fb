"""A share with its interval, as figures of a benchmark's line."""

from collections.abc import Sequence

from bb_train.statistics import wilson


def interval(name: str, hits: Sequence[bool], digits: int = 3) -> dict[str, float]:
    """The share of hits under its name, with Wilson's interval at 95 % as `low` and `high`."""
    found = wilson(sum(hits), len(hits))
    ends = (found.value, found.low, found.high)
    return {key: round(x, digits) for key, x in zip((name, "low", "high"), ends, strict=True)}
