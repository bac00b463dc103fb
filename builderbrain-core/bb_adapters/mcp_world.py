"""The tools of an MCP server, called in a live session with it.

    ADAPTERS = mcp_adapters(Path(__file__).parent)

The server's tool list must be the pinned one when the session begins and before each call that
acts; otherwise nothing is called, and what changed is said. MCP has no idempotency key and no
difference between "did not happen" and "went wrong on the way": when a tool that acts reports an
error, nobody knows whether it acted, and the step is parked unless a `reconcile` tool can tell.
Not covered: a server that changes what a tool does without changing what it says.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from bb_adapters.errors import AdapterError
from bb_adapters.mcp_session import McpSession, from_settings, innermost
from bb_adapters.no_twin import no_twin
from bb_core.adapters import Adapter, Adapters, Call
from bb_core.canonical import Json
from bb_core.drift import drift
from bb_core.effects import Effect
from bb_core.errors import ToolError, ToolFault
from bb_core.mcp_tools import McpCall, read_tools
from bb_core.said_types import on_the_wire
from bb_core.tools_from import Pinned, pinned_in

REFUSED = (-32601, -32602)
"""Protocol errors that come before a tool runs: no such method, arguments that do not fit."""


def mcp_adapters(folder: Path) -> Adapters:
    """Adapters for all the tools a domain's folder takes from its tools.json."""
    found = pinned_in(folder)
    return Adapters(
        tools={name: _adapter(found, name) for name in found.catalogue.tools},
        connect=lambda settings: _world(found, settings, folder.name),
        twin=no_twin(folder.name),
    )


def _world(found: Pinned, settings: Mapping[str, Any], name: str) -> "McpWorld":
    return McpWorld(found, from_settings(settings, name), name)


def _adapter(found: Pinned, name: str) -> Adapter:
    what: McpCall = found.catalogue.tools[name].call
    effect = found.review.tools[name].effect
    acts = (Effect.IRREVERSIBLE if effect is None else effect).acts

    def call(args: Mapping[str, Any], call: Call) -> Json:
        world: McpWorld = call.world
        return world.send(what, args, call, acts=acts)

    return call


class McpWorld:
    """A session whose tools are the pinned ones."""

    def __init__(self, found: Pinned, session: McpSession, name: str) -> None:
        self.url, self._session = session.command, session
        self._pinned = {name: tool.digest for name, tool in found.catalogue.tools.items()}
        self._refused = {one.name for one in found.catalogue.refused}
        try:
            changes = self._changes()
            if changes:
                fix = f"look at the change, then take it: bb domains import refresh {name}"
                found_ = f"the server's tools are not the pinned ones ({changes})"
                raise AdapterError(found_, where=self.url, fix=fix)
        except BaseException:
            session.close()
            raise

    def _changes(self) -> str:
        """What differs now from the pinned list; empty when nothing does."""
        now = read_tools(self._session.manifest())
        seen = {name: tool.digest for name, tool in now.tools.items()}
        changes = str(drift(self._pinned, seen))
        others = {one.name for one in now.refused} ^ self._refused
        return changes or (f"changed: {', '.join(sorted(others))}" if others else "")

    def send(self, what: McpCall, args: Mapping[str, Any], call: Call, *, acts: bool) -> Json:
        """One call under the time limit; raises ToolError and nothing else."""
        place = f"{call.step} {what.tool}"
        sent = {what.wires[n][0]: on_the_wire(what.wires[n][1], v) for n, v in args.items()}
        if acts:
            self._still_pinned(place)
        lost: ToolFault = "timeout_unknown" if acts else "unavailable"
        try:
            result = self._session.call(what.tool, sent, call.timeout_s)
        except Exception as error:
            kind: ToolFault = "invalid" if getattr(error, "code", None) in REFUSED else lost
            raise ToolError(kind, innermost(error), where=place) from error
        text = _text(result.content)
        if result.is_error:
            failed: ToolFault = lost if acts else "invalid"
            raise ToolError(failed, f"the tool reports: {text[:300] or 'an error'}", where=place)
        if what.structured:
            return cast(Json, json.loads(json.dumps(result.structured_content)))
        return {"text": text}

    def _still_pinned(self, place: str) -> None:
        try:
            changes = self._changes()
        except Exception as error:
            raise ToolError("unavailable", innermost(error), where=place) from error
        if changes:
            found = f"the server's tools changed meanwhile ({changes})"
            raise ToolError("denied", found, where=place)

    def snapshot(self) -> Json:
        """Raises ToolError: a server does not show its whole state."""
        raise ToolError("unavailable", "a real system shows no snapshot", where=self.url)

    def close(self) -> None:
        """End the session and the server it started."""
        self._session.close()


def _text(content: list[Any]) -> str:
    """The text blocks, one a line; of other blocks only their kind."""
    return "\n".join(getattr(b, "text", None) or f"[{b.type} left out]" for b in content)
