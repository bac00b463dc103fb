"""Contacts: the list, a card, and the form that makes and changes one."""

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from bb_domains.phone.device.part import Page, Part, button, entry, heading, status, textbox
from bb_domains.phone.device.seed import numbered

if TYPE_CHECKING:
    from bb_domains.phone.device.phone import Phone

NUMBER = re.compile(r"[+]?[0-9]{2,15}")


def parts(phone: "Phone", page: Page) -> Iterator[Part]:
    """What the page shows."""
    match page.kind:
        case "card":
            yield from _card(phone, page.about)
        case "form":
            yield from _form(phone, page)
        case _:
            yield heading("Contacts")
            yield textbox(page, "Search")
            yield button("New contact", lambda: phone.go("form"))
            wanted = page.fields.get("Search", "").casefold()
            for ident, one in sorted(phone.data["contacts"].items(), key=lambda c: c[1]["name"]):
                if wanted in one["name"].casefold():
                    yield entry(one["name"], partial(phone.go, "card", ident))


def _card(phone: "Phone", ident: str) -> Iterator[Part]:
    one = phone.data["contacts"][ident]
    filled = {"Name": one["name"], "Phone number": one["number"]}
    yield heading(one["name"], own=True)
    yield status("Number", one["number"])
    yield button("Message", lambda: _write_to(phone, one["number"]))
    yield button("Edit", lambda: phone.go("form", ident, filled))
    yield button("Delete", lambda: _delete(phone, ident))


def _write_to(phone: "Phone", number: str) -> None:
    phone.open("messages")
    phone.go("new", fields={"To": number})


def _form(phone: "Phone", page: Page) -> Iterator[Part]:
    yield heading("Edit contact" if page.about else "New contact")
    yield textbox(page, "Name")
    yield textbox(page, "Phone number")
    if "error" in page.fields:
        yield status("Not saved", page.fields["error"])
    yield button("Save", lambda: _save(phone, page))


def _save(phone: "Phone", page: Page) -> None:
    name, number = page.fields.get("Name", "").strip(), page.fields.get("Phone number", "")
    if not name or not NUMBER.fullmatch(number):
        page.fields["error"] = "!"
        return
    ident = page.about or numbered("c", phone.data["contacts"])
    phone.data["contacts"][ident] = {"name": name, "number": number}
    phone.pages[:] = [phone.pages[0], Page("card", ident)]


def _delete(phone: "Phone", ident: str) -> None:
    del phone.data["contacts"][ident]
    phone.home_page()
