"""The phone as a tree in memory: no browser, no device, nothing to wait for."""

from collections.abc import Sequence

from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.phone import words
from bb_domains.phone.device.part import Part
from bb_domains.phone.device.phone import Phone
from bb_domains.phone.driver import Contact, Touch, only_one
from bb_domains.phone.screen import Node, Screen, screen


def shown(phone: Phone) -> Screen:
    """What a phone shows, names in its language."""
    if phone.busy():
        return Screen(phone.app, busy=True)
    return screen(phone.app, (node(part, phone.language) for part in phone.parts()))


def node(part: Part, language: str) -> Node:
    """A part as it is shown; a password's value is not."""
    name = part.name if part.own else words.shown(part.name, language)
    return Node(part.role, name, "" if part.role == "password" else part.value)


class TreeDriver:
    """Drives a Phone of this process."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone

    def language(self) -> str:
        """The phone's language."""
        return self.phone.language

    def region(self) -> str:
        """The phone's country."""
        return str(self.phone.data["region"])

    def look(self) -> Screen:
        """What is in front now."""
        return shown(self.phone)

    def open(self, app: str) -> None:
        """Bring an app to the front."""
        try:
            self.phone.open(app)
        except KeyError:
            raise ToolError("invalid", f"no app {app!r} on this phone") from None

    def aim(self, role: str, name: str) -> Touch:
        """The touch of the one part with this role and name."""
        place = self._place(role, name)
        return lambda: self.phone.press(place)

    def fill(self, role: str, name: str, text: str) -> None:
        """Put text into the one field with this role and name."""
        self.phone.fill(self._place(role, name), text)

    def fill_secret(self, role: str, name: str, secret: str) -> None:
        """Put a kept secret into the one field with this role and name."""
        kept = self.phone.data["secrets"].get(secret)
        if kept is None:
            raise ToolError("invalid", f"no secret {secret!r} on this phone")
        self.fill(role, name, kept)

    def back(self) -> None:
        """One page back."""
        self.phone.back()

    def contacts(self) -> Sequence[Contact]:
        """The address book."""
        return [Contact(one["name"], one["number"]) for one in self.phone.data["contacts"].values()]

    def last_message(self, number: str) -> str:
        """The last message from a number."""
        return self.phone.last_message(number)

    def snapshot(self) -> Json:
        """The phone's whole state."""
        return self.phone.snapshot()

    def close(self) -> None:
        """Nothing is held."""

    def _place(self, role: str, name: str) -> int:
        parts = self.phone.parts()
        found = [
            place
            for place, part in enumerate(parts)
            if (shown := node(part, self.phone.language)).role == role and shown.name == name
        ]
        only_one(len(found), role, name)
        return found[0]
