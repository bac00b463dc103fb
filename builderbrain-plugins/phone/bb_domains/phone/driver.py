"""The one way to a screen: the same few acts on a tree in memory, a browser, an Android device.

A driver finds what it is to touch at the moment it touches it, by role and shown name, and touches
nothing when there is not exactly one. Names are those on the screen, in the phone's language.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.phone.screen import Screen

Touch = Callable[[], None]
"""One touch of what was found; called once, at once."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One entry of the address book, as the system's own provider gives it."""

    name: str
    number: str


class UiDriver(Protocol):
    """A phone that can be looked at and touched. Every act raises ToolError and nothing else."""

    def language(self) -> str:
        """The language the screen is in: `en`, `es-MX`, …; empty where the phone does not say."""
        ...

    def region(self) -> str:
        """The country the phone dials from: `ES`, …."""
        ...

    def look(self) -> Screen:
        """What is in front now, names as shown."""
        ...

    def open(self, app: str) -> None:
        """Bring an app to the front, from its start."""
        ...

    def aim(self, role: str, name: str) -> Touch:
        """The touch of the one node with this role and shown name.

        Nothing is touched until it is called, so whatever is raised here, nothing has happened.
        """
        ...

    def fill(self, role: str, name: str, text: str) -> None:
        """Put text into the one field with this role and shown name, instead of what it held."""
        ...

    def fill_secret(self, role: str, name: str, secret: str) -> None:
        """Put a secret the phone keeps under this name into the one field; it is never returned."""
        ...

    def back(self) -> None:
        """The back gesture."""
        ...

    def contacts(self) -> Sequence[Contact]:
        """The address book."""
        ...

    def last_message(self, number: str) -> str:
        """The last message from a number, as the system's own provider gives it; or nothing."""
        ...

    def snapshot(self) -> Json:
        """The whole observable state, where the phone can give it."""
        ...

    def close(self) -> None:
        """Let go of the phone."""
        ...


def only_one(found: int, role: str, name: str) -> None:
    """Raise ToolError unless exactly one node was found; then nothing has been touched."""
    if found != 1:
        many = "nothing" if found == 0 else f"{found} things"
        raise ToolError("conflict", f"{many} on the screen with role {role}, named {name!r}")
