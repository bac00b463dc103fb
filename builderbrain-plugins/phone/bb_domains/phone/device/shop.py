"""The shop: products, a basket, a checkout that wants a password, orders."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from bb_domains.phone import money
from bb_domains.phone.device.part import Page, Part, button, entry, heading, note, status, textbox
from bb_domains.phone.device.seed import numbered

if TYPE_CHECKING:
    from bb_domains.phone.device.phone import Phone


def parts(phone: "Phone", page: Page) -> Iterator[Part]:
    """What the page shows."""
    match page.kind:
        case "product":
            yield from _product(phone, page.about)
        case "basket":
            yield from _basket(phone)
        case "checkout":
            yield from _checkout(phone, page)
        case "placed" | "order":
            yield from _order(phone, page)
        case "orders":
            yield heading("Orders")
            for ident, order in phone.data["orders"].items():
                yield entry(order["item"], partial(phone.go, "order", ident))
        case _:
            yield heading("Shop")
            yield button("Basket", lambda: phone.go("basket"))
            yield button("Orders", lambda: phone.go("orders"))
            for ident, product in phone.data["products"].items():
                yield entry(product["name"], partial(phone.go, "product", ident))


def _price(phone: "Phone", cents: int) -> str:
    return money.shown(cents, phone.data["currency"], phone.language)


def _product(phone: "Phone", ident: str) -> Iterator[Part]:
    product = phone.data["products"][ident]
    yield heading(product["name"], own=True)
    yield status("Price", _price(phone, product["cents"]))
    yield button("Add to basket", lambda: _add(phone, ident))


def _add(phone: "Phone", ident: str) -> None:
    phone.data["basket"].append(ident)
    phone.pages[:] = [phone.pages[0], Page("basket")]


def _lines(phone: "Phone") -> Iterator[Part]:
    products = [phone.data["products"][ident] for ident in phone.data["basket"]]
    for product in products:
        yield note(product["name"], _price(phone, product["cents"]))
    yield status("Total", _price(phone, sum(product["cents"] for product in products)))


def _basket(phone: "Phone") -> Iterator[Part]:
    yield heading("Basket")
    yield from _lines(phone)
    yield button("Empty basket", phone.data["basket"].clear)
    if phone.data["basket"]:
        yield button("Checkout", lambda: phone.go("checkout"))


def _checkout(phone: "Phone", page: Page) -> Iterator[Part]:
    yield heading("Checkout")
    yield from _lines(phone)
    yield textbox(page, "Password", role="password")
    if "error" in page.fields:
        yield status("Not paid", page.fields["error"])
    yield button("Pay now", lambda: _pay(phone, page))


def _pay(phone: "Phone", page: Page) -> None:
    if page.fields.get("Password") != phone.data["secrets"]["shop_password"]:
        page.fields["error"] = "!"
        return
    products = [phone.data["products"][ident] for ident in phone.data["basket"]]
    ident = numbered("o", phone.data["orders"])
    phone.data["orders"][ident] = {
        "item": ", ".join(product["name"] for product in products),
        "cents": sum(product["cents"] for product in products),
        "state": "placed",
    }
    phone.data["basket"].clear()
    phone.pages[:] = [phone.pages[0], Page("placed", ident)]


def _order(phone: "Phone", page: Page) -> Iterator[Part]:
    order = phone.data["orders"][page.about]
    yield heading("Order placed" if page.kind == "placed" else "Order")
    yield note(order["item"], _price(phone, order["cents"]))
    if order["state"] == "placed":
        yield button("Cancel order", lambda: order.update(state="cancelled"))
    else:
        yield status("State", "!")
