"""The phone itself: what is in front, and what touching it does."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from itertools import groupby
from types import MappingProxyType
from typing import Any

from bb_core.canonical import Json
from bb_domains.phone import numbers
from bb_domains.phone.device import calendar, contacts, dialer, messages, settings, shop
from bb_domains.phone.device.part import Page, Part, button, entry, heading
from bb_domains.phone.device.seed import SHOWN, changed, seed

Parts = Callable[["Phone", Page], Iterator[Part]]
APPS: Mapping[str, tuple[str, Parts]] = MappingProxyType(
    {
        "messages": ("Messages", messages.parts),
        "contacts": ("Contacts", contacts.parts),
        "dialer": ("Phone", dialer.parts),
        "calendar": ("Calendar", calendar.parts),
        "settings": ("Settings", settings.parts),
        "shop": ("Shop", shop.parts),
    }
)
HOME = "home"


class Phone:
    """A phone in memory; one owner at a time, no clock, so the same touches give the same state."""

    def __init__(self, changes: Mapping[str, Any] | None = None) -> None:
        self.data: dict[str, Any] = changed(seed(), dict(changes or {}))
        self.app = HOME
        self.pages: list[Page] = [Page("list")]
        self._looks = 0

    @property
    def language(self) -> str:
        """The language everything is shown in."""
        return str(self.data["look"]["language"])

    @property
    def page(self) -> Page:
        """The page in front."""
        return self.pages[-1]

    def busy(self) -> bool:
        """Whether the page is still being drawn; asking is what makes time pass."""
        self._looks = max(0, self._looks - 1)
        return self._looks > 0

    def parts(self) -> list[Part]:
        """What is in front, in the order it is shown."""
        dialog = self.data["look"]["dialogs"].get(self.app)
        if dialog:
            return [heading(dialog, own=True), button("Not now", self._dismiss)]
        shown = list(self._home() if self.app == HOME else APPS[self.app][1](self, self.page))
        if self.app != HOME and len(self.pages) > 1:
            shown.append(button("Back", self.back))
        return _laid_out(shown, self.data["look"])

    def open(self, app: str) -> None:
        """Bring an app to the front, from its start; raises KeyError for an unknown one."""
        if app not in APPS:
            raise KeyError(app)
        self.app, self.pages = app, [Page("list")]
        self._touched()

    def press(self, index: int) -> None:
        """Touch the part at a place of `parts`."""
        do = self.parts()[index].do
        if do:
            do()
        self._touched()

    def fill(self, index: int, text: str) -> None:
        """Put text into the field at a place of `parts`, instead of what it held."""
        enter = self.parts()[index].enter
        if enter:
            enter(text)
        self._touched()

    def back(self) -> None:
        """One page back; from an app's first page, home."""
        if len(self.pages) > 1:
            self.pages.pop()
        else:
            self.app = HOME
        self._touched()

    def go(self, kind: str, about: str = "", fields: Mapping[str, str] | None = None) -> None:
        """Show another page of the app on top of this one."""
        self.pages.append(Page(kind, about, dict(fields or {})))

    def home_page(self) -> None:
        """Back to the app's first page, as new."""
        self.pages[:] = [Page("list")]

    def called(self, number: str) -> str:
        """The name the address book has for a number, or the number."""
        found = [c["name"] for c in self.data["contacts"].values() if c["number"] == number]
        return str(found[0]) if found else number

    def last_message(self, number: str) -> str:
        """What a number wrote last, or nothing."""
        thread = self.data["threads"].get(number, {"messages": []})
        theirs = [m["text"] for m in thread["messages"] if m["from"] == "them"]
        return str(theirs[-1]) if theirs else ""

    def reached(self, number: str) -> None:
        """What the network notes of a call or a message to a number that is not ordinary."""
        bill = self.data["billed"].get(numbers.kind(number, self.data["region"]))
        if bill is not None:
            bill.append(number)

    def snapshot(self) -> dict[str, Json]:
        """All that is state, and what is in front: the app and the title of its page."""
        title = next((part.name for part in self.parts() if part.role == "heading"), "")
        front: dict[str, Json] = {"app": self.app, "title": title}
        return {**{key: deepcopy(self.data[key]) for key in SHOWN}, "front": front}

    def _home(self) -> Iterator[Part]:
        yield heading("Home")
        for app, (name, _) in APPS.items():
            yield entry(name, partial(self.open, app), own=False)

    def _dismiss(self) -> None:
        del self.data["look"]["dialogs"][self.app]

    def _touched(self) -> None:
        self._looks = int(self.data["look"]["delay"]) + 1


def _laid_out(shown: list[Part], look: Mapping[str, Any]) -> list[Part]:
    """The same parts as a layout puts them: lists turned round, the bar at the bottom."""
    out: list[Part] = []
    for group, run in groupby(shown, key=lambda part: part.group):
        parts = list(run)
        out += reversed(parts) if group and look["order"] == "backward" else parts
    if look["bars"] == "bottom":
        out.sort(key=lambda part: part.role == "button")
    return out
