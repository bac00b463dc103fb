"""What an import makes of a stranger's document: tools, and operations it refuses with the reason.

An imported tool is a claim until a person ratifies it (`review_file.py`). `Claim.least` is what the
document itself says outright: it tightens, so no ratification goes below it. `Claim.proposed` is
only shown to the person.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bb_core.canonical import digest
from bb_core.effects import Effect
from bb_core.json_refs import Unsayable

Schema = Mapping[str, Any]
LONGEST_SENTENCE = 200


@dataclass(frozen=True, slots=True)
class Claim:
    """What a document says of a tool's effect, and in which words."""

    proposed: Effect
    least: Effect
    because: str


@dataclass(frozen=True, slots=True)
class Imported:
    """One tool as the plan language sees it. `call` is what its adapter sends."""

    name: str
    origin: str
    does: str
    args: Mapping[str, Schema]
    optional: frozenset[str]
    returns: Schema
    claim: Claim
    digest: str
    call: Any
    takes_key: bool = False
    bounds: Mapping[str, Schema] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    extensions: Schema = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """An operation that is not imported, alone, and why."""

    name: str
    origin: str
    why: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of a document: its tools and refusals in order, and its title."""

    title: str
    tools: Mapping[str, Imported]
    refused: tuple[Refused, ...] = ()


Bounds = Mapping[str, Mapping[str, Schema]]
"""Tool name -> place in its arguments -> the bounds a person set there."""


BROKEN = (Unsayable, AttributeError, TypeError, KeyError, ValueError, RecursionError)
"""What reading one tool of a stranger's document may raise; it costs that tool alone."""


def why_broken(error: Exception) -> str:
    """The reason a tool is refused with."""
    if isinstance(error, Unsayable):
        return error.found
    return f"is described wrongly ({type(error).__name__}: {str(error)[:120]})"


def sentence(*texts: Any) -> str:
    """The first of the texts that says something, as one printable line of bounded length."""
    for text in texts:
        line = " ".join(str(text).split()) if isinstance(text, str) else ""
        line = "".join(c if c.isprintable() else " " for c in line)
        if line:
            cut = line[: LONGEST_SENTENCE - 1] + "…"
            return line if len(line) <= LONGEST_SENTENCE else cut
    return ""


def content_digest(value: Any) -> str:
    """A digest of any JSON value, whatever the order of its keys; numbers may be of any size."""
    return digest(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())
