"""Messages: threads, a thread, a new message, what is archived."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from bb_domains.phone.device.part import Page, Part, button, entry, heading, note, status, textbox

if TYPE_CHECKING:
    from bb_domains.phone.device.phone import Phone


def parts(phone: "Phone", page: Page) -> Iterator[Part]:
    """What the page shows."""
    match page.kind:
        case "thread":
            yield from _thread(phone, page)
        case "new":
            yield from _new(phone, page)
        case "archive":
            yield heading("Archived")
            yield from _threads(phone, archived=True)
        case _:
            yield heading("Messages")
            yield button("New message", lambda: phone.go("new"))
            yield button("Archived", lambda: phone.go("archive"))
            yield from _threads(phone, archived=False)


def _threads(phone: "Phone", *, archived: bool) -> Iterator[Part]:
    for number, thread in phone.data["threads"].items():
        if thread["archived"] is archived:
            yield entry(phone.called(number), partial(phone.go, "thread", number))


def _thread(phone: "Phone", page: Page) -> Iterator[Part]:
    number, thread = page.about, phone.data["threads"].get(page.about)
    yield heading(phone.called(number), own=True)
    yield status("Number", number)
    for message in thread["messages"] if thread else ():
        mine = message["from"] == "me"
        yield note("You" if mine else phone.called(number), message["text"], own=not mine)
    yield textbox(page, "Message")
    yield button("Send", lambda: _send(phone, page, number))
    if thread and not thread["archived"]:
        yield button("Archive", lambda: _archive(phone, number, archived=True))
    elif thread:
        yield button("Unarchive", lambda: _archive(phone, number, archived=False))
    if thread:
        yield button("Delete", lambda: _delete(phone, number))


def _new(phone: "Phone", page: Page) -> Iterator[Part]:
    def to(number: str) -> None:
        page.fields["To"] = number

    yield heading("New message")
    yield textbox(page, "To")
    yield textbox(page, "Message")
    yield button("Send", lambda: _send(phone, page, page.fields.get("To", "")))
    for contact in phone.data["contacts"].values():
        yield entry(contact["name"], partial(to, contact["number"]))


def _send(phone: "Phone", page: Page, number: str) -> None:
    text = page.fields.get("Message", "")
    if not text or not number:
        return
    threads = phone.data["threads"]
    thread = threads.setdefault(number, {"archived": False, "messages": []})
    thread["messages"].append({"from": "me", "text": text})
    phone.reached(number)
    phone.pages[:] = [phone.pages[0], Page("thread", number)]


def _archive(phone: "Phone", number: str, *, archived: bool) -> None:
    phone.data["threads"][number]["archived"] = archived
    phone.home_page()


def _delete(phone: "Phone", number: str) -> None:
    del phone.data["threads"][number]
    phone.home_page()
