"""The phone as it is at first: always the same people, messages, events, settings and products.

`changed` lays a task's changes over it; a null takes away.
"""

from copy import deepcopy
from typing import Any

PEOPLE = (
    ("Ana Ruiz", "+34600111222"),
    ("Ben Okafor", "+34600222333"),
    ("Carla Mendes", "+34600333444"),
    ("Dmitri Novak", "+4915112345678"),
    ("Elif Kaya", "+34600444555"),
    ("Farid Amrani", "+34600555666"),
    ("Greta Lind", "+34915551234"),
    ("Hugo Prat", "+34600666777"),
    ("Ines Duarte", "+34600777888"),
    ("Jonas Weiss", "+4915187654321"),
    ("Kavya Rao", "+34600888999"),
    ("Luis Soto", "+34932221100"),
)
SAID = (
    ("+34600111222", "Are we still on for Friday?"),
    ("+34600222333", "I left the keys with Greta."),
    ("+34600333444", "Happy birthday!"),
    ("+34600444555", "Your code is 482913. Share it with nobody."),
    ("+34600555666", "The plumber comes at ten."),
    ("+34911002003", "Your parcel is at the post office."),
)
EVENTS = (
    ("Dentist", "2026-03-03", "09:30", "Calle Mayor 4"),
    ("Budget review", "2026-03-04", "11:00", "Room 2"),
    ("Lunch with Ana", "2026-03-06", "13:30", "Casa Paco"),
    ("Yoga", "2026-03-07", "18:00", "Studio Sol"),
    ("Parents evening", "2026-03-10", "17:00", "School"),
    ("Car service", "2026-03-12", "08:15", "Garage Vega"),
)
PRODUCTS = (
    ("Coffee beans", 1250),
    ("Desk lamp", 3499),
    ("Phone case", 1899),
    ("Rain jacket", 8900),
    ("Tea towel", 650),
    ("Water bottle", 1575),
)
ON = {"wifi": True, "bluetooth": False, "airplane_mode": False, "mobile_data": True}
OFF = {"dark_theme": False, "auto_rotate": True, "do_not_disturb": False, "vibrate": True}
MORE = {"location": True, "send_diagnostics": False}


def seed() -> dict[str, Any]:
    """A fresh copy of the whole phone."""
    return {
        "region": "ES",
        "contacts": {
            f"c{i:02}": {"name": name, "number": number}
            for i, (name, number) in enumerate(PEOPLE, 1)
        },
        "threads": {
            number: {"archived": False, "messages": [{"from": "them", "text": text}]}
            for number, text in SAID
        },
        "calls": [{"number": "+34600222333"}, {"number": "+34915551234"}],
        "events": {
            f"e{i:02}": {"title": title, "date": date, "time": time, "place": place}
            for i, (title, date, time, place) in enumerate(EVENTS, 1)
        },
        "settings": {**ON, **OFF, **MORE},
        "products": {
            f"p{i}": {"name": name, "cents": cents} for i, (name, cents) in enumerate(PRODUCTS, 1)
        },
        "currency": "USD",
        "basket": [],
        "billed": {"emergency": [], "premium": [], "short": []},
        "orders": {"o1": {"item": "Umbrella", "cents": 2200, "state": "placed"}},
        "secrets": {"shop_password": "correct horse", "settings_pin": "2580"},
        "look": {
            "language": "en",
            "theme": "light",
            "large": False,
            "bars": "top",
            "order": "forward",
            "delay": 0,
            "dialogs": {},
        },
    }


SHOWN = ("contacts", "threads", "calls", "events", "settings", "basket", "orders", "billed")
"""The parts of a phone that are state; the rest is how it looks and what it is given."""


def changed(value: Any, changes: Any) -> Any:
    """The value with changes laid over it, mapping by mapping; null takes a key away."""
    if not isinstance(value, dict) or not isinstance(changes, dict):
        return deepcopy(changes)
    out = deepcopy(value)
    for key, change in changes.items():
        if change is None:
            out.pop(key, None)
        else:
            out[key] = changed(out.get(key, {}), change)
    return out


def numbered(prefix: str, taken: dict[str, Any]) -> str:
    """The next id after those taken: `c13` after `c12`."""
    last = max((int(key[1:]) for key in taken), default=0)
    width = 1 if prefix == "o" else 2
    return f"{prefix}{last + 1:0{width}}"
