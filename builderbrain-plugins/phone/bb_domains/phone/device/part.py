"""What an app shows, and what happens when it is touched."""

from collections.abc import Callable
from dataclasses import dataclass, field

Do = Callable[[], None]
Enter = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing an app shows. `own`: the name is the owner's or somebody's words, in no dictionary.

    Lists put what may be reordered together: parts with the same `group` are one list.
    """

    role: str
    name: str
    value: str = ""
    own: bool = False
    group: str = ""
    do: Do | None = None
    enter: Enter | None = None


@dataclass(slots=True)
class Page:
    """One page of an app: its kind, what it is about, and what has been entered so far."""

    kind: str
    about: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def heading(name: str, *, own: bool = False) -> Part:
    """The title of a page."""
    return Part("heading", name, own=own)


def button(name: str, do: Do) -> Part:
    """A button of the app."""
    return Part("button", name, do=do)


def entry(name: str, do: Do, *, own: bool = True) -> Part:
    """One line of a list that leads somewhere."""
    return Part("link", name, own=own, group="list", do=do)


def status(name: str, value: str) -> Part:
    """A labelled fact."""
    return Part("status", name, value)


def note(name: str, value: str, *, own: bool = True) -> Part:
    """Somebody's words, or one line of a bill."""
    return Part("note", name, value, own=own)


def switch(name: str, on: bool, do: Do) -> Part:
    """A switch of the app."""
    return Part("switch", name, "on" if on else "off", do=do)


def textbox(page: Page, name: str, *, role: str = "textbox") -> Part:
    """A field of a page."""

    def enter(text: str) -> None:
        page.fields[name] = text

    return Part(role, name, page.fields.get(name, ""), enter=enter)
