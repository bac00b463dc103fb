"""The text a builder reads: what was asked, then what earlier rounds saw, a JSON line a step.

All places in a scene are characters of its text, from and to. Observations are data, never
instructions.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bb_core.canonical import Json


class Seen(Protocol):
    """What one earlier step did."""

    @property
    def tool(self) -> str: ...
    @property
    def args(self) -> Json: ...
    @property
    def status(self) -> str: ...
    @property
    def result(self) -> Json: ...


@dataclass(frozen=True, slots=True)
class Scene:
    """What a plan is built from.

    `text` starts with the request, which ends at `request_end`. `facts` are the names of those
    that earlier rounds established.
    """

    text: str
    request_end: int
    facts: frozenset[str] = frozenset()

    @property
    def request(self) -> str:
        """What the person asked."""
        return self.text[: self.request_end]

    @property
    def lines(self) -> tuple[tuple[int, str], ...]:
        """The observation lines, each with the character it starts at."""
        found, at = list[tuple[int, str]](), self.request_end + 1
        for line in self.text[at:].split("\n") if at < len(self.text) else ():
            found.append((at, line))
            at += len(line) + 1
        return tuple(found)


def scene(
    request: str, observations: Sequence[Seen] = (), facts: frozenset[str] = frozenset()
) -> Scene:
    """The scene of a request and what was seen since, oldest first."""
    lines = [_line(seen) for seen in observations]
    return Scene("\n".join([request, *lines]), len(request), facts)


def _line(seen: Seen) -> str:
    told: dict[str, Any] = {"tool": seen.tool, "args": seen.args, "status": seen.status}
    return json.dumps({**told, "result": seen.result}, ensure_ascii=False)
