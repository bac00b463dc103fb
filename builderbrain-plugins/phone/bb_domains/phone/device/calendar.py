"""The calendar: the list of events, one event, and the form that makes and changes one."""

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from bb_domains.phone.device.part import Page, Part, button, entry, heading, status, textbox
from bb_domains.phone.device.seed import numbered

if TYPE_CHECKING:
    from bb_domains.phone.device.phone import Phone

FIELDS = {"Title": "title", "Date": "date", "Time": "time", "Place": "place"}
FORMS = {
    "date": re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"),
    "time": re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]"),
}


def parts(phone: "Phone", page: Page) -> Iterator[Part]:
    """What the page shows."""
    match page.kind:
        case "event":
            yield from _event(phone, page.about)
        case "form":
            yield from _form(phone, page)
        case _:
            yield heading("Calendar")
            yield button("New event", lambda: phone.go("form"))
            for ident, one in sorted(phone.data["events"].items(), key=_when):
                yield entry(one["title"], partial(phone.go, "event", ident))


def _when(item: tuple[str, dict[str, str]]) -> tuple[str, str]:
    return item[1]["date"], item[1]["time"]


def _event(phone: "Phone", ident: str) -> Iterator[Part]:
    one = phone.data["events"][ident]
    filled = {label: one[name] for label, name in FIELDS.items()}
    yield heading(one["title"], own=True)
    for label in ("Date", "Time", "Place"):
        yield status(label, one[FIELDS[label]])
    yield button("Edit", lambda: phone.go("form", ident, filled))
    yield button("Delete", lambda: _delete(phone, ident))


def _form(phone: "Phone", page: Page) -> Iterator[Part]:
    yield heading("Edit event" if page.about else "New event")
    for label in FIELDS:
        yield textbox(page, label)
    if "error" in page.fields:
        yield status("Not saved", page.fields["error"])
    yield button("Save", lambda: _save(phone, page))


def _save(phone: "Phone", page: Page) -> None:
    made = {name: page.fields.get(label, "").strip() for label, name in FIELDS.items()}
    wrong = [name for name, form in FORMS.items() if not form.fullmatch(made[name])]
    if wrong or not made["title"]:
        page.fields["error"] = "!"
        return
    ident = page.about or numbered("e", phone.data["events"])
    phone.data["events"][ident] = made
    phone.pages[:] = [phone.pages[0], Page("event", ident)]


def _delete(phone: "Phone", ident: str) -> None:
    del phone.data["events"][ident]
    phone.home_page()
