"""Which controls commit: what they do reaches somebody else, costs money or cannot be taken back.

The phone's own apps have their commits listed by the control's English name. Beside the list, and
in every other app, a control whose name holds a committing word commits. What commits is reached
only through a tool that asks; a call, a message or a payment only through its own tool, which
reads number, words or price off the screen. In an app whose fields are not known that cannot be
done, so there it is not done at all.

Not covered: in an app that is not listed, a committing control with a harmless name, a picture for
a name, or a name in a language that is not in WORDS; gestures and hardware keys that commit.
"""

import re
from collections.abc import Mapping
from typing import Literal

from bb_domains.phone.screen import Node

Commit = Literal["", "sms", "call", "pay", "delete", "other"]
PRESSED: frozenset[str] = frozenset({"button", "link", "tab", "switch", "checkbox"})

LISTED: Mapping[str, Mapping[str, Commit]] = {
    "messages": {"Send": "sms", "Delete": "delete"},
    "contacts": {"Delete": "delete"},
    "dialer": {"Call": "call"},
    "calendar": {"Delete": "delete"},
    "settings": {"Erase all data": "other", "Share diagnostics": ""},
    "shop": {"Pay now": "pay", "Cancel order": "other", "Checkout": ""},
    "home": {},
}
"""The phone's own apps: what commits, and what only sounds as if it did."""

WORDS: Mapping[Commit, tuple[str, ...]] = {
    "sms": ("send", "sms", "enviar", "senden"),
    "call": ("call", "dial", "llamar", "anrufen"),
    "pay": (
        *("pay", "buy", "order", "purchase", "checkout", "donate", "transfer", "subscribe"),
        *("pagar", "comprar", "bezahlen", "kaufen"),
    ),
    "other": (
        *("share", "post", "publish", "submit", "install", "uninstall", "format", "delete"),
        *("remove", "erase", "clear", "reset", "factory", "block", "unfriend"),
        *("borrar", "eliminar", "löschen", "entfernen"),
    ),
}
_WORDS = {
    kind: re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE)
    for kind, words in WORDS.items()
}


def commit(app: str, node: Node) -> Commit:
    """What a node of an app commits, or nothing."""
    if node.role not in PRESSED:
        return ""
    listed = LISTED.get(app)
    if listed is None:
        return _by_word(node.name)
    if node.role == "link":  # a line of a list, with the owner's own words for a name
        return ""
    return listed[node.name] if node.name in listed else _by_word(node.name)


def _by_word(name: str) -> Commit:
    return next((kind for kind, words in _WORDS.items() if words.search(name)), "")
