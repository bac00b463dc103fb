"""The twin of a domain that has none: a document says nothing of what a system does."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from bb_core.adapters import World
from bb_core.errors import ToolError


def no_twin(name: str) -> Callable[[Mapping[str, Any]], World]:
    """A twin that raises ToolError and says what to do instead."""

    def twin(changes: Mapping[str, Any]) -> NoReturn:
        fix = "write one in tool_adapters.py, or act on a test instance"
        raise ToolError("unavailable", "an imported domain has no twin", where=name, fix=fix)

    return twin
