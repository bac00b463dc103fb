"""What is known before a plan is written, and what of it narrows the language of the next step.

Ids, addresses and codes are copied, never invented: where a named type's pattern has matches in
what the person asked or the run has seen, only those may be written. A tool is offered once the
facts it requires have been established, by name; one that needs consent must wait for a step that
asks.

Not covered: whether the right one of several matches is chosen, and everything about a fact but its
name; the checker holds facts to their keys and their order.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bb_core.schema import FactCall, PlanSchema
from bb_core.typestate import APPROVED

_EDGE = "\"'`()[]{}<>,.;:!?"


@dataclass(frozen=True, slots=True)
class Known:
    """The texts values may be copied from, and the facts earlier rounds have established."""

    texts: tuple[str, ...] = ()
    facts: frozenset[str] = frozenset()

    def values(self, schema: Mapping[str, Any]) -> tuple[str, ...]:
        """The words of the texts that are values of a named one-word type; none for others."""
        pattern = schema.get("pattern")
        if "x-type" not in schema or not pattern or " " in pattern:
            return ()
        right = _matcher(pattern)
        return tuple(dict.fromkeys(word for word in _words(self.texts) if right.search(word)))


@lru_cache(maxsize=512)
def _matcher(pattern: str) -> re.Pattern[str]:
    # A pattern's $ also matches before a last newline in Python; no word has one.
    return re.compile(pattern)


@lru_cache(maxsize=64)
def _words(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts cut at blanks, quotes and other marks that no id contains, edges bare."""
    found = (word for text in texts for word in re.split(r"[\s\"'()\[\]{}<>,;]+", text))
    return tuple(dict.fromkeys(bare for word in found if (bare := word.strip(_EDGE))))


def offered(schema: PlanSchema, known: Known, tools: Sequence[str]) -> tuple[str, ...]:
    """The tools whose facts are there after steps with these tools; all of them if none is."""
    have = known.facts | established(schema, tools)
    asked = bool(askers(schema, tools))
    found = tuple(n for n, t in schema.tools.items() if _ready(t.requires, have, asked))
    return found or tuple(schema.tools)


def _ready(requires: Iterable[str], have: frozenset[str], asked: bool) -> bool:
    return all(asked if r == APPROVED else FactCall.parse(r).name in have for r in requires)


def established(schema: PlanSchema, tools: Sequence[str]) -> frozenset[str]:
    """The names of the facts that steps with these tools establish."""
    return frozenset(FactCall.parse(e).name for t in tools for e in schema.tools[t].establishes)


def askers(schema: PlanSchema, tools: Sequence[str]) -> tuple[int, ...]:
    """The places of the steps that ask for consent."""
    return tuple(i for i, tool in enumerate(tools) if schema.tools[tool].approves)
