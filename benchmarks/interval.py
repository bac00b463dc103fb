"""A share with its interval, as figures of a benchmark's line."""

from collections.abc import Mapping, Sequence

from bb_train.statistics import wilson


def interval(name: str, hits: Sequence[bool], digits: int = 3) -> dict[str, float]:
    """The share of hits under its name, with Wilson's interval at 95 % as `low` and `high`."""
    found = wilson(sum(hits), len(hits))
    ends = (found.value, found.low, found.high)
    return {key: round(x, digits) for key, x in zip((name, "low", "high"), ends, strict=True)}


def intervals(hits: Mapping[str, Sequence[bool]]) -> dict[str, float]:
    """Shares side by side in one row: `name`, `name low` and `name high` of each."""
    found = {name: interval(name, own).values() for name, own in hits.items()}
    ends = ("", " low", " high")
    return {
        f"{name}{end}": x for name, own in found.items() for end, x in zip(ends, own, strict=True)
    }
