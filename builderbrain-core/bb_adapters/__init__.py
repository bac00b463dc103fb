"""Adapters for tools that were imported rather than written: over HTTP, and over MCP.

A domain's `tool_adapters.py` names one of them and its own folder. The network code lives here, so
that bb_core stays without any and a scaffold holds no copy of it.
"""

from bb_adapters.errors import AdapterError

__all__ = ["AdapterError"]
