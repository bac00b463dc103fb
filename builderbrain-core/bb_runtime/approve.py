"""Asking for consent: to these calls, with exactly these arguments, and no others.

An approval is the digest of a tool and its resolved arguments (`bb_core.state.approval`). A call
whose arguments differ in one byte from what was shown has no approval.
Not covered: whether the person read it.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from bb_core.state import approval


@dataclass(frozen=True, slots=True)
class Proposed:
    """A call consent is asked for, with every reference resolved."""

    step: str
    tool: str
    does: str
    args: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """What an approval of this call is bound to."""
        return approval(self.tool, self.args)


@dataclass(frozen=True, slots=True)
class Request:
    """What an approving step puts before the approver."""

    run: str
    step: str
    tool: str
    args: Mapping[str, Any]
    calls: tuple[Proposed, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, by whom, and why."""

    approved: bool
    by: str
    why: str = ""


class Approver(Protocol):
    """Whoever may consent. An approver that raises has not consented."""

    def __call__(self, request: Request) -> Decision:
        """Decide about every call of the request together."""
        ...


def deny_all(request: Request) -> Decision:
    """Consent to nothing: what a run without an approver gets."""
    return Decision(False, "nobody", "no approver was given")


def by_policy(policy: Callable[[Request], bool], name: str = "policy") -> Approver:
    """An approver that asks a program."""

    def decide(request: Request) -> Decision:
        return Decision(policy(request) is True, name)

    return decide


def at_terminal(
    out: TextIO | None = None, read: Callable[[str], str] = input, name: str = "terminal"
) -> Approver:
    """An approver that shows the calls and waits for `yes`; anything else, or no answer, is no.

    An interrupt is neither: it goes on up, to stop the run.
    """

    def decide(request: Request) -> Decision:
        to = out if out is not None else sys.stderr
        print(shown(request), file=to, flush=True)
        try:
            answer = read("approve? type yes: ")
        except EOFError:
            return Decision(False, name, "no answer")
        return Decision(answer.strip().lower() in ("y", "yes"), name)

    return decide


def shown(request: Request) -> str:
    """The request as a person reads it; control characters are escaped, so none forges a line."""
    lines = [f"{request.step} ({request.tool}) asks for consent to:"]
    for call in request.calls:
        lines.append(f"  {call.step}  {call.tool}: {call.does}")
        lines += [f"      {name} = {_literal(value)}" for name, value in sorted(call.args.items())]
    if not request.calls:
        lines.append("  nothing: no step depends on it")
    return "\n".join(lines)


def _literal(value: Any) -> str:
    """JSON with everything a terminal could act on, or a reader mistake, written as an escape."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
