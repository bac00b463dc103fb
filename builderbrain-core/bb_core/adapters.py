"""What a domain gives the executor: tools that act, a way to connect, and a twin to try them on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
Preview = Callable[[Mapping[str, Any], Json], Mapping[str, Json]]
"""A call's arguments and the state it would meet -> the state diff it would cause. Pure."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """A domain's tools by name, how to reach its system, and how to make a fresh twin.

    `connect` takes the domain's settings (`{"url": …}`); `twin` takes changes to its seed state,
    and raises NoTwin where a domain has none.
    `previews` say what an acting tool would change; a wrong one fails `bb domains check`.
    `live` starts the real system in the state the same changes give its twin, so that the two can
    be compared; it raises ToolError("unavailable", …) where that system cannot be had.
    """

    tools: Mapping[str, Adapter]
    connect: Callable[[Mapping[str, str]], World]
    twin: Callable[[Mapping[str, Any]], World]
    previews: Mapping[str, Preview] = field(default_factory=dict)
    live: Callable[[Mapping[str, Any]], World] | None = None
