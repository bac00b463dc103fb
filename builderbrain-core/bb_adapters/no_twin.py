"""The twin of a domain that has none: a document says nothing of what a system does."""

from collections.abc import Callable, Mapping
from typing import Any

from bb_core.adapters import World
from bb_core.errors import NoTwin


def no_twin(name: str) -> Callable[[Mapping[str, Any]], World]:
    """A twin that raises NoTwin."""

    def twin(changes: Mapping[str, Any]) -> World:
        raise NoTwin(name)

    return twin
