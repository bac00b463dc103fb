"""The difference between two states of a world: what an oracle expects, leaf by leaf."""

from collections.abc import Iterator, Mapping

from bb_core.canonical import Json
from bb_core.plan import escape

GONE: Json = None


def state_diff(before: Json, after: Json) -> dict[str, Json]:
    """JSON Pointer -> value after, for every leaf that changed; a leaf that is gone maps to null.

    Lists are compared place by place. Applying the diff to `before` gives `after` up to nulls.
    """
    return dict(_changes(before, after, ""))


def _changes(before: Json, after: Json, path: str) -> Iterator[tuple[str, Json]]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _members(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        rows = {str(i): v for i, v in enumerate(before)}
        yield from _members(rows, {str(i): v for i, v in enumerate(after)}, path)
    elif before != after or isinstance(before, bool) is not isinstance(after, bool):
        yield path, after


def _members(
    before: Mapping[str, Json], after: Mapping[str, Json], path: str
) -> Iterator[tuple[str, Json]]:
    for key in [*before, *(k for k in after if k not in before)]:
        here = f"{path}/{escape(key)}"
        if key not in after:
            yield here, GONE
        elif key not in before:
            yield from _leaves(after[key], here)
        else:
            yield from _changes(before[key], after[key], here)


def _leaves(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    """A value that is new, leaf by leaf; an empty container is a leaf."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}/{escape(key)}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}/{index}")
    else:
        yield path, value
