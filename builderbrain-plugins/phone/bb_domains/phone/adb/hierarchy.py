"""What uiautomator dumps of an Android screen, as nodes with a role, a name, a value and a place.

A widget's class gives its role, its content description or text its name. What can be touched and
has neither is called by all that stands in it, which is not there a second time: a touch on a
button's label is a touch on the button. Any other view that can be touched is a link, whatever it
looks like; what it commits is judged by its name (`commits.py`). A text is a heading where its
resource id says title, a status where it says status, else a note. Not covered: what an app draws
without widgets; what is scrolled out; what reacts to a touch and does not say that it can be.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from bb_core.errors import ToolError
from bb_domains.phone.commits import PRESSED
from bb_domains.phone.screen import SWITCHES, Node

ROLES = {
    "Button": "button",
    "ImageButton": "button",
    "EditText": "textbox",
    "AutoCompleteTextView": "textbox",
    "Switch": "switch",
    "SwitchCompat": "switch",
    "ToggleButton": "switch",
    "CheckBox": "checkbox",
    "RadioButton": "checkbox",
}
LONGEST = 4_000_000
_BOUNDS = re.compile(r"\[(-?[0-9]+),(-?[0-9]+)\]\[(-?[0-9]+),(-?[0-9]+)\]")


@dataclass(frozen=True, slots=True)
class Placed:
    """A node and the middle of where it is drawn."""

    node: Node
    x: int
    y: int


def read_hierarchy(text: str) -> tuple[str, list[Placed]]:
    """The package in front and its nodes, top to bottom; raises ToolError for anything else."""
    if len(text) > LONGEST or "<!DOCTYPE" in text:
        raise ToolError("unavailable", "the screen's dump is no dump of uiautomator's")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ToolError("unavailable", f"the screen's dump is no XML: {error}") from error
    package = next((e.get("package", "") for e in root.iter("node") if e.get("package")), "")
    return package, list(_placed(root))


def _placed(element: ElementTree.Element) -> Iterator[Placed]:
    for child in element:
        node = _node(child)
        match = _BOUNDS.fullmatch(child.get("bounds", ""))
        if node and node.name and match:
            left, top, right, bottom = map(int, match.groups())
            if right > left and bottom > top:
                yield Placed(node, (left + right) // 2, (top + bottom) // 2)
        if not (node and node.role in PRESSED):
            yield from _placed(child)


def _node(element: ElementTree.Element) -> Node | None:
    kind = element.get("class", "").rpartition(".")[2]
    text, described = element.get("text", ""), element.get("content-desc", "")
    role = ROLES.get(kind, "")
    if role == "textbox":
        secret = element.get("password") == "true"
        name = described or element.get("hint", "")
        return Node("password", name) if secret else Node(role, name, text)
    if role or element.get("clickable") == "true":
        state = "on" if element.get("checked") == "true" else "off"
        name = described or text or " ".join(_words(element))
        return Node(role or "link", name, state if role in SWITCHES else "")
    return _said(element, text, described) if kind == "TextView" else None


def _said(element: ElementTree.Element, text: str, described: str) -> Node:
    ident = element.get("resource-id", "").rpartition("/")[2]
    if "title" in ident:
        return Node("heading", text or described)
    return Node("status" if "status" in ident else "note", described or text, text)


def _words(element: ElementTree.Element) -> Iterator[str]:
    for inner in element.iter("node"):
        word = inner.get("content-desc") or inner.get("text")
        if word:
            yield word
