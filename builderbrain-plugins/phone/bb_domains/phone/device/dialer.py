"""The dialer: a keypad, a call being placed, recent calls."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from bb_domains.phone.device.part import Page, Part, button, heading, note, status, textbox

if TYPE_CHECKING:
    from bb_domains.phone.device.phone import Phone


def parts(phone: "Phone", page: Page) -> Iterator[Part]:
    """What the page shows."""
    match page.kind:
        case "call":
            yield heading("Calling")
            yield status("Number", page.about)
            yield button("Hang up", phone.home_page)
        case "recent":
            yield heading("Recent calls")
            for call in phone.data["calls"]:
                yield note(phone.called(call["number"]), call["number"])
        case _:
            yield heading("Phone")
            yield textbox(page, "Number")
            for digit in "123456789*0#":
                yield button(digit, partial(_press, page, digit))
            yield button("Call", lambda: _call(phone, page))
            yield button("Recent calls", lambda: phone.go("recent"))


def _press(page: Page, digit: str) -> None:
    page.fields["Number"] = page.fields.get("Number", "") + digit


def _call(phone: "Phone", page: Page) -> None:
    number = page.fields.get("Number", "")
    if number:
        phone.data["calls"].append({"number": number})
        phone.reached(number)
        phone.pages[:] = [Page("list"), Page("call", number)]
