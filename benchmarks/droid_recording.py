"""DroidTask's recordings as a phone: what was shown, what was chosen, a driver that shows it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bb_core.errors import ToolError
from bb_domains.phone.driver import Contact, Touch, only_one
from bb_domains.phone.screen import Node, Screen, screen

ROLES = {"button": "button", "input": "textbox", "checkbox": "checkbox", "p": "note"}
_ELEMENT = re.compile(
    r"<(button|input|checkbox|p) id=(\d+)(?: text='(.*?)')?(?: checked=(True|False))? ?>(.*?)</\1>"
)


@dataclass(frozen=True)
class Element:
    """One element of a recorded screen."""

    id: int
    node: Node


@dataclass(frozen=True)
class Moment:
    """One recorded step: what was shown, what was chosen, what was typed."""

    elements: tuple[Element, ...]
    choice: int
    text: str | None

    @property
    def chosen(self) -> Element | None:
        """The element that was chosen; None at the end, or where the record names none."""
        return next((one for one in self.elements if one.id == self.choice), None)


def elements(lines: Sequence[str]) -> tuple[Element, ...]:
    """The elements of a screen; a name that runs over several lines is one name."""
    return tuple(
        Element(int(ident), _node(tag, described or "", checked, body))
        for tag, ident, described, checked, body in _ELEMENT.findall(" ".join(lines))
    )


def _node(tag: str, described: str, checked: str, body: str) -> Node:
    name = " ".join((described or body).replace("<br>", " ").split())
    value = {"True": "on", "False": "off"}.get(checked, "") if tag == "checkbox" else ""
    return Node(ROLES[tag], name, value)


def moments(task: dict[str, Any]) -> list[Moment]:
    """A task's steps, the last of which is the screen it ends on."""
    return [Moment(elements(s["screen"]), s["choice"], s["text"]) for s in task["steps"]]


@dataclass
class Recording:
    """A phone that shows one recording and goes on where the recording went on."""

    app: str
    moments: Sequence[Moment]
    at: int = -1
    typed: dict[str, str] = field(default_factory=dict)
    touched: list[int] = field(default_factory=list)

    def language(self) -> str:
        return "en"

    def region(self) -> str:
        return "US"

    def nodes(self) -> list[Node]:
        """What is shown; a field that was filled keeps its name, and holds what was typed."""
        return [self.named(one.node) for one in self.moments[self.at].elements]

    def named(self, node: Node) -> Node:
        name = self.typed.get(node.name, "") if node.role == "textbox" else ""
        return Node("textbox", name, node.name) if name else node

    def look(self) -> Screen:
        return Screen("home") if self.at < 0 else screen(self.app, self.nodes())

    def open(self, app: str) -> None:
        self.at = 0

    def aim(self, role: str, name: str) -> Touch:
        return self._aimed(role, name, None)

    def fill(self, role: str, name: str, text: str) -> None:
        self._aimed(role, name, text)()
        self.typed[text] = name

    def _aimed(self, role: str, name: str, text: str | None) -> Touch:
        now, nodes = self.moments[self.at], self.nodes()
        found = [i for i, node in enumerate(nodes) if (node.role, node.name) == (role, name)]
        only_one(len(found), role, name)
        if now.elements[found[0]].id != now.choice or now.text != text:
            raise ToolError("conflict", f"the recording goes on with element {now.choice}")
        return self._go_on

    def _go_on(self) -> None:
        self.touched.append(self.at)
        self.at += 1

    def fill_secret(self, role: str, name: str, secret: str) -> None:
        raise ToolError("denied", "a recording has no secrets")

    def back(self) -> None:
        raise ToolError("conflict", "the recording has no back key")

    def contacts(self) -> Sequence[Contact]:
        return []

    def last_message(self, number: str) -> str:
        return ""

    def snapshot(self) -> dict[str, Any]:
        return {"at": self.at}

    def close(self) -> None:
        pass
