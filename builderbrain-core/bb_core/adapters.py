"""What a domain gives the executor: tools that act, a way to connect, and a twin to try them on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bb_core.canonical import Json


class World(Protocol):
    """A connection to a system the tools act on: the real one, or a twin of it."""

    def snapshot(self) -> Json:
        """The whole observable state, for state diffs; a real system may raise ToolError."""
        ...

    def close(self) -> None:
        """Let go of the connection (and of the twin, if it was one)."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """What an adapter is told beside its arguments. Only the executor makes one.

    `key` is the business idempotency key: the same intent has the same key, whatever the attempt.
    """

    world: Any
    step: str
    key: str
    timeout_s: float


Adapter = Callable[[Mapping[str, Any], Call], Json]


@dataclass(frozen=True, slots=True)
class Adapters:
    """A domain's tools by name, how to reach its system, and how to make a fresh twin.

    `connect` takes the domain's settings (`{"url": …}`); `twin` takes changes to its seed state.
    """

    tools: Mapping[str, Adapter]
    connect: Callable[[Mapping[str, str]], World]
    twin: Callable[[Mapping[str, Any]], World]
