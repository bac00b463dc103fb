"""What has changed between two readings of the same system's tools."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drift:
    """The tools that are new, gone, or described otherwise, by name."""

    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.changed)

    def __str__(self) -> str:
        parts = (("changed", self.changed), ("new", self.new), ("gone", self.gone))
        return "; ".join(f"{word}: {', '.join(names)}" for word, names in parts if names)


def drift(pinned: Mapping[str, str], found: Mapping[str, str]) -> Drift:
    """The differences between two tables of tool name -> digest of its description."""
    return Drift(
        new=tuple(sorted(found.keys() - pinned.keys())),
        gone=tuple(sorted(pinned.keys() - found.keys())),
        changed=tuple(sorted(n for n in pinned.keys() & found.keys() if pinned[n] != found[n])),
    )
