"""Some of the examples, as many of each family: what figures on a part of dev are taken from."""

from collections.abc import Iterator, Sequence

from bb_train.example import Example


def spread(examples: Sequence[Example], most: int) -> list[Example]:
    """At most so many of the examples, as many of each family, always the same ones.

    What does not divide evenly goes to the first families, one each.
    """
    families = list(dict.fromkeys(one.family for one in examples))
    each, over = divmod(most, max(1, len(families)))
    counts = {family: each + (place < over) for place, family in enumerate(families)}
    return [one for family in families for one in _first(examples, family, counts[family])]


def _first(examples: Sequence[Example], family: str, count: int) -> Iterator[Example]:
    yield from [one for one in examples if one.family == family][:count]
