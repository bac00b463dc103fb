"""The cell's tools. Imported only when a checked plan is about to run.

Not covered: an arm that lies about where it is; two controllers that share one arm.
"""

from collections.abc import Mapping
from typing import Any

from bb_core.adapters import Adapter, Adapters, Call
from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.robots.cell.tools import TOOLS, Tool
from bb_domains.robots.cell.world import CellWorld


def _adapter(tool: Tool) -> Adapter:
    def call(args: Mapping[str, Any], call: Call) -> Json:
        with call.world.lock:
            return tool(call.world, args)

    return call


def connect(settings: Mapping[str, str]) -> CellWorld:
    raise ToolError("unavailable", "not yet", where="robots")


def twin(changes: Mapping[str, Any]) -> CellWorld:
    """A cell of its own in this process: the seed state with `changes` laid over it."""
    try:
        return CellWorld(changes)
    except (KeyError, TypeError, ValueError) as error:
        raise ToolError("invalid", f"a change to the cell: {error}", where="robots") from error


ADAPTERS = Adapters(
    tools={name: _adapter(tool) for name, tool in TOOLS.items()}, connect=connect, twin=twin
)
