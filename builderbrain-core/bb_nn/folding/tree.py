"""A plan as a tree whose leaves are words, and the moves by which a fold takes it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bb_nn.folding.move import Choice, Fill, Move, Nothing, Result, Word
from bb_nn.folding.tools import Slot, Tools


@dataclass(frozen=True, eq=False)
class Node:
    """A step. words, parts, choices: what fills its slots, by name; a word by its index.

    `last`: one more than the index of the last word that belongs to it besides.
    """

    tool: str
    words: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, "Node"] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)
    last: int = 0

    @cached_property
    def at(self) -> int:
        """How many words must have been read for all of it to be there."""
        inner = [part.at for part in self.parts.values()]
        return max([self.last, *(word + 1 for word in self.words.values()), *inner])

    @cached_property
    def height(self) -> int:
        """How many steps stand above one another."""
        return 1 + max((part.height for part in self.parts.values()), default=0)

    def nodes(self) -> Iterator["Node"]:
        """All of them, parts first."""
        for part in self.parts.values():
            yield from part.nodes()
        yield self


def moves(tools: Tools, root: Node) -> tuple[Move, ...]:
    """The tree's steps, each as soon as all its words have been read."""
    order = sorted(root.nodes(), key=lambda node: (node.at, node.height))
    index = {id(node): place for place, node in enumerate(order)}
    return tuple(
        Move(
            node.tool,
            tuple(_fill(slot, node, index) for slot in tools.by_name[node.tool].slots),
            node.at,
        )
        for node in order
    )


def _fill(slot: Slot, node: Node, index: Mapping[int, int]) -> Fill:
    if slot.name in node.words:
        return Word(node.words[slot.name])
    if slot.name in node.parts:
        return Result(index[id(node.parts[slot.name])])
    if slot.name in node.choices:
        return Choice(slot.choices.index(node.choices[slot.name]))
    return Nothing()
