"""Which controls commit: what they do reaches somebody else, costs money or cannot be taken back.

An app that is known has its commits listed by the name of the control; in any other app a control
whose name holds a committing word commits. A plan reaches either only through a tool that asks.

Not covered: an unknown app whose committing control has a harmless name, a picture for a name, or
a name in a language that is not in WORDS; gestures and hardware keys that commit.
"""

import re
from collections.abc import Mapping
from typing import Literal

from bb_domains.phone.screen import Node

Commit = Literal["", "sms", "call", "pay", "delete", "other"]
PRESSED: frozenset[str] = frozenset({"button", "link", "tab", "switch", "checkbox"})

KNOWN: Mapping[str, Mapping[str, Commit]] = {
    "messages": {"Send": "sms", "Delete": "delete"},
    "contacts": {"Delete": "delete"},
    "dialer": {"Call": "call"},
    "calendar": {"Delete": "delete"},
    "settings": {"Erase all data": "other"},
    "shop": {"Pay now": "pay", "Cancel order": "other"},
    "home": {},
}
"""The phone's own apps, by the English names of their controls."""

WORDS = (
    *("send", "sms", "share", "post", "publish", "submit", "call", "dial", "pay", "buy", "order"),
    *("purchase", "checkout", "subscribe", "donate", "transfer", "install", "uninstall", "format"),
    *("delete", "remove", "erase", "clear", "reset", "factory", "block", "unfriend"),
    *("enviar", "llamar", "pagar", "comprar", "borrar", "eliminar"),
    *("senden", "anrufen", "bezahlen", "kaufen", "löschen", "entfernen"),
)
_COMMITS = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, WORDS))})(?!\w)", re.IGNORECASE)


def commit(app: str, node: Node) -> Commit:
    """What a node of an app commits, or nothing."""
    if node.role not in PRESSED:
        return ""
    if app in KNOWN:
        return KNOWN[app].get(node.name, "") if node.role == "button" else ""
    return "other" if _COMMITS.search(node.name) else ""
