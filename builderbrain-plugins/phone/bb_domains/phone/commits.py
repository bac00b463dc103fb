"""Which controls commit: what they do reaches somebody else, costs money or cannot be taken back.

The phone's own apps have their commits listed by the control's English name. Beside the list, and
in every other app, a control whose name holds a committing word commits. A link is a control like
any other: nothing on a screen tells a line of a list from a button that is drawn as one, so only a
link without such a word opens something and no more. What commits is reached only through a tool
that asks; a call, a message or a payment only through its own tool, which reads number, words or
price off the screen. In an app whose fields are not known that cannot be done, so there it is not
done at all. A phone in a language that has no words here is not touched (`world.py`).

Not covered: a committing control with a harmless name, a picture for a name, a form of a word that
is not in WORDS, or a name in another language than the phone's; gestures and hardware keys that
commit.
"""

import re
from collections.abc import Mapping
from typing import Literal

from bb_domains.phone.screen import Node

Commit = Literal["", "sms", "call", "pay", "delete", "other"]
KINDS: tuple[Commit, ...] = ("sms", "call", "pay", "other")
"""What a word can say a control commits, the first that fits."""

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

WORDS: Mapping[str, Mapping[Commit, tuple[str, ...]]] = {
    "en": {
        "sms": ("send", "sms"),
        "call": ("call", "dial"),
        "pay": ("pay", "buy", "order", "purchase", "checkout", "donate", "transfer", "subscribe"),
        "other": (
            *("share", "post", "publish", "submit", "install", "uninstall", "format", "delete"),
            *("remove", "erase", "clear", "reset", "factory", "block", "unfriend"),
        ),
    },
    "es": {
        "sms": ("enviar", "mandar"),
        "call": ("llamar", "marcar"),
        "pay": (
            "pagar",
            "pago",
            "comprar",
            "compra",
            "pedido",
            "donar",
            "transferir",
            "suscribirse",
        ),
        "other": (
            *("compartir", "publicar", "instalar", "desinstalar", "formatear", "borrar"),
            *("eliminar", "quitar", "vaciar", "restablecer", "bloquear"),
        ),
    },
    "de": {
        "sms": ("senden", "abschicken", "absenden", "verschicken"),
        "call": ("anrufen", "wählen"),
        "pay": (
            *("bezahlen", "zahlen", "kaufen", "kauf", "bestellen", "bestellung", "spenden"),
            *("überweisen", "abonnieren"),
        ),
        "other": (
            *("teilen", "posten", "veröffentlichen", "installieren", "deinstallieren"),
            *("formatieren", "löschen", "entfernen", "leeren", "zurücksetzen", "blockieren"),
        ),
    },
    "ar": {
        "sms": ("إرسال", "أرسل"),
        "call": ("اتصال", "اتصل"),
        "pay": ("دفع", "ادفع", "شراء", "اشتر", "طلب", "تبرع", "تحويل", "اشتراك"),
        "other": (
            *("مشاركة", "نشر", "تثبيت", "تهيئة", "حذف", "محو", "مسح", "إزالة"),
            *("إفراغ", "إعادة ضبط", "حظر"),
        ),
    },
}
"""What commits by its name, in every language a phone is touched in."""

_WORDS = {
    kind: re.compile(rf"(?<!\w)(?:ال)?(?:{'|'.join(words)})(?!\w)", re.IGNORECASE)
    for kind in KINDS
    for words in [[word for kinds in WORDS.values() for word in kinds[kind]]]
}


def commit(app: str, node: Node) -> Commit:
    """What a node of an app commits, or nothing; a link is judged by its name like a button."""
    if node.role not in PRESSED:
        return ""
    listed = LISTED.get(app, {})
    return listed[node.name] if node.name in listed else _by_word(node.name)


def _by_word(name: str) -> Commit:
    return next((kind for kind, words in _WORDS.items() if words.search(name)), "")
