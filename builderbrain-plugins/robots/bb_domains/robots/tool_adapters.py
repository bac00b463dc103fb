"""The cell's tools. Imported only when a checked plan is about to run.

There is no driver of a real arm here: `connect` gives a simulated cell that lives as long as the
connection. A real one is a `Body` (cell/motion.py) and a way to see people.

Not covered: an arm that lies about where it is, or never comes back from one look to the next; two
controllers that share one arm.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bb_core.adapters import Adapter, Adapters, Call
from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.robots.cell.motion import BodyMaker, Exact
from bb_domains.robots.cell.tools import TOOLS, Tool, stop
from bb_domains.robots.cell.world import CellWorld


def _simulated() -> BodyMaker:
    from bb_domains.robots.sim.body import SimBody

    return SimBody


BODIES: Mapping[str, Callable[[], BodyMaker]] = {"exact": lambda: Exact, "sim": _simulated}


def _adapter(tool: Tool) -> Adapter:
    def call(args: Mapping[str, Any], call: Call) -> Json:
        with call.world.lock:
            return tool(call.world, args)

    return call


def _stop(args: Mapping[str, Any], call: Call) -> Json:
    """A motion under way sees it at its next look and ends; the answer is given when it has."""
    call.world.stopped = True
    with call.world.lock:
        return stop(call.world, args)


def connect(settings: Mapping[str, str]) -> CellWorld:
    """A cell in its first state: `body = "exact"` (the default) or `"sim"`, with dynamics."""
    body = settings.get("body", "exact")
    if body not in BODIES:
        fix = f"use {' or '.join(sorted(BODIES))}"
        raise ToolError("unavailable", f"body is {body!r}", where="robots", fix=fix)
    return CellWorld({}, BODIES[body]())


def twin(changes: Mapping[str, Any], body: BodyMaker = Exact) -> CellWorld:
    """A cell of its own in this process: the seed state with `changes` laid over it."""
    try:
        return CellWorld(changes, body)
    except (KeyError, TypeError, ValueError) as error:
        raise ToolError("invalid", f"a change to the cell: {error}", where="robots") from error


def live(changes: Mapping[str, Any]) -> CellWorld:
    """The same cell with dynamics, which the light one is held against; needs `[sim]`."""
    return twin(changes, _simulated())


ADAPTERS = Adapters(
    tools={name: _adapter(tool) for name, tool in TOOLS.items()} | {"stop": _stop},
    connect=connect,
    twin=twin,
    live=live,
)
