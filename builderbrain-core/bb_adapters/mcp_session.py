"""A live session with an MCP server over stdio, usable from any thread.

The server is a child process: it gets the few variables the SDK hands on and those the settings
name, its errors go to our stderr, and it ends with the session.
"""

import logging
import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from bb_adapters.errors import AdapterError

try:
    import mcp
    from anyio.from_thread import start_blocking_portal
    from mcp.client.stdio import StdioServerParameters
except ImportError as error:
    raise AdapterError(
        "speaking MCP needs the mcp SDK", fix="run: pip install 'builderbrain-core[mcp]'"
    ) from error

MOST_PAGES = 100
START_S = 30.0

# What a broken server writes is told in one line by whoever asked; the client would print it whole.
logging.getLogger("mcp").addHandler(logging.NullHandler())


class McpSession:
    """One server and one connection to it, from `McpSession(…)` until `close()`."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        if not command:
            raise AdapterError("no command to start the server with", fix="give one after --")
        self.command = shlex.join(command)
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            parameters = StdioServerParameters(
                command=command[0], args=list(command[1:]), env=dict(env or {})
            )
            client = mcp.Client(parameters, read_timeout_seconds=START_S, cache=None)
            try:
                managed = self._portal.wrap_async_context_manager(client)
                self.client: Any = stack.enter_context(managed)
            except (Exception, ExceptionGroup) as error:
                found = f"no MCP server answers: {innermost(error)}"
                fix = "run the command by hand and see what it prints"
                raise AdapterError(found, where=self.command, fix=fix) from error
            self._stack = stack.pop_all()

    def manifest(self) -> dict[str, Any]:
        """The server's name and all its tools as JSON, as they are on the wire right now."""
        return self._portal.call(self._manifest)

    async def _manifest(self) -> dict[str, Any]:
        found: list[Any] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self.client.list_tools(cursor=cursor, cache_mode="bypass")
            found += page.tools
            cursor = page.next_cursor
            if not cursor:
                break
        else:
            raise AdapterError(f"lists more than {MOST_PAGES} pages of tools", where=self.command)
        info = self.client.server_info
        tools = [t.model_dump(mode="json", by_alias=True, exclude_none=True) for t in found]
        return {"server": {"name": info.name if info else ""}, "tools": tools}

    def call(self, tool: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        """The server's CallToolResult; raises what the SDK raises."""
        work = partial(
            self.client.call_tool, tool, dict(args), read_timeout_seconds=max(0.05, timeout_s)
        )
        return self._portal.call(work)

    def close(self) -> None:
        """End the session and the server."""
        self._stack.close()


def from_settings(settings: Mapping[str, str], where: str) -> McpSession:
    """The session a domain's settings describe: `command`, and `env`, variables to hand on."""
    unknown = sorted(settings.keys() - {"command", "env"})
    if unknown:
        found = f"unknown setting {unknown[0]!r}"
        raise AdapterError(found, where=where, fix="known: command, env")
    try:
        command = shlex.split(settings.get("command", ""))
    except ValueError as error:
        raise AdapterError(f"command cannot be split: {error}", where=where) from error
    if not command:
        fix = "set command = 'python server.py' for this domain"
        raise AdapterError("no command starts the server", where=where, fix=fix)
    return McpSession(command, env=handed_on(settings.get("env", "").replace(",", " ").split()))


def handed_on(names: Sequence[str]) -> dict[str, str]:
    """The environment variables of these names; raises AdapterError for one that is not set."""
    for name in names:
        if name not in os.environ:
            raise AdapterError(f"{name} is not set", where="environment", fix=f"export {name}")
    return {name: os.environ[name] for name in names}


def innermost(error: BaseException) -> str:
    """What the first real error inside a group says."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
