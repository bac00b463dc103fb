"""Settings: four pages of switches, and the one button that takes everything."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from bb_domains.phone.device.part import Page, Part, button, entry, heading, switch

if TYPE_CHECKING:
    from bb_domains.phone.device.phone import Phone

PAGES: Mapping[str, Mapping[str, str]] = {
    "Network": {
        "Wi-Fi": "wifi",
        "Bluetooth": "bluetooth",
        "Airplane mode": "airplane_mode",
        "Mobile data": "mobile_data",
    },
    "Display": {"Dark theme": "dark_theme", "Auto-rotate": "auto_rotate"},
    "Sound": {"Do not disturb": "do_not_disturb", "Vibrate": "vibrate"},
    "Privacy": {"Location": "location", "Share diagnostics": "send_diagnostics"},
}


def parts(phone: "Phone", page: Page) -> Iterator[Part]:
    """What the page shows."""
    if page.kind not in PAGES:
        yield heading("Settings")
        for name in PAGES:
            yield entry(name, partial(phone.go, name), own=False)
        return
    yield heading(page.kind)
    for label, name in PAGES[page.kind].items():
        yield switch(label, phone.data["settings"][name], partial(_flip, phone, name))
    if page.kind == "Privacy":
        yield button("Erase all data", lambda: _erase(phone))


def _flip(phone: "Phone", name: str) -> None:
    phone.data["settings"][name] = not phone.data["settings"][name]


def _erase(phone: "Phone") -> None:
    for kept in ("contacts", "threads", "events", "orders"):
        phone.data[kept].clear()
    phone.data["calls"].clear()
    phone.home_page()
