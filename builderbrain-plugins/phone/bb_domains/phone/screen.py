"""What a screen shows: nodes with a role, a name and a value, as assistive technology says them.

A selector is `role:name`; a sight may add `=value`. Nothing here knows where a node is drawn.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal[
    "button",
    "link",
    "textbox",
    "password",
    "switch",
    "checkbox",
    "heading",
    "note",
    "status",
    "tab",
]
ROLES: frozenset[str] = frozenset(get_args(Role))
FIELDS: frozenset[str] = frozenset({"textbox", "password"})
SWITCHES: frozenset[str] = frozenset({"switch", "checkbox"})


@dataclass(frozen=True, slots=True)
class Node:
    """One thing on the screen. A switch's value is `on` or `off`."""

    role: str
    name: str
    value: str = ""

    @property
    def key(self) -> str:
        """The selector that means this node."""
        return f"{self.role}:{self.name}"


@dataclass(frozen=True, slots=True)
class Screen:
    """What is in front: the app and its nodes. `busy`: it is still being drawn."""

    app: str
    nodes: tuple[Node, ...] = ()
    busy: bool = False

    @property
    def title(self) -> str:
        """The first heading's name."""
        return next((node.name for node in self.nodes if node.role == "heading"), "")

    def all(self, key: str) -> list[Node]:
        """Every node a selector fits."""
        return [node for node in self.nodes if node.key == key]

    def sees(self, sight: str) -> bool:
        """Whether a sight is on the screen: a node with this key and, where given, this value."""
        key, equals, value = sight.partition("=")
        return any(not equals or node.value == value for node in self.all(key))


def screen(app: str, nodes: Iterable[Node], *, busy: bool = False) -> Screen:
    """A screen with the nodes a plan can name; the others are scenery."""
    kept = tuple(node for node in nodes if node.role in ROLES and node.name)
    return Screen(app, kept, busy)
