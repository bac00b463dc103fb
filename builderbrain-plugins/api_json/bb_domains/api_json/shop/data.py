"""The shop's seed state: the same customers, products and orders from the same number.

Everything is generated here from the word lists in catalogue.py; no real person, no borrowed data.
Collections are objects keyed by id, so that a state diff names what changed. Money is in cents.
"""

import random
from collections.abc import Mapping
from typing import Any

from bb_domains.api_json.shop import catalogue

State = dict[str, Any]
USERS, ORDERS = 40, 120
STATUSES = (
    ["pending"] * 9
    + ["delivered"] * 11
    + ["shipped"] * 4
    + ["processing"] * 2
    + ["cancelled"] * 2
    + ["return_requested", "exchange_requested"]
)
POLICY: State = {
    "return_window_days": 30,
    "refund_methods": {"original": True, "gift_card": True},
    "refund_limit_cents": 50_000,
    "credit_limit_cents": 5_000,
}


def seed(number: int = 7) -> State:
    """A fresh copy of the shop's state; equal numbers give equal states."""
    rng = random.Random(number)
    users = {f"u{n:03}": _user(rng, n) for n in range(1, USERS + 1)}
    products = dict(_products(rng, sorted(users)))
    orders = {f"W{1000 + n}": _order(rng, n, users, products) for n in range(1, ORDERS + 1)}
    return {
        "policy": {**POLICY, "refund_methods": dict(POLICY["refund_methods"])},
        "users": users,
        "products": products,
        "orders": orders,
        "refunds": {},
        "credits": {},
        "messages": {},
        "handoffs": {},
    }


def changed(state: Any, changes: Any) -> Any:
    """The state with `changes` laid over it: objects merge, None removes, the rest replaces."""
    if not isinstance(state, Mapping) or not isinstance(changes, Mapping):
        return changes
    out = dict(state)
    for key, value in changes.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = changed(out[key], value) if key in out else value
    return out


def _address(rng: random.Random) -> dict[str, str]:
    city, prefix = rng.choice(catalogue.CITIES)
    street = f"{rng.randint(1, 199)} {rng.choice(catalogue.STREETS)} Street"
    return {"street": street, "city": city, "zip": f"{prefix}{rng.randint(0, 999):03}"}


def _user(rng: random.Random, n: int) -> dict[str, Any]:
    # 7 and 11 share no factor with the list lengths: no two customers get the same full name
    first = catalogue.FIRST[(n * 7) % len(catalogue.FIRST)]
    last = catalogue.LAST[(n * 11) % len(catalogue.LAST)]
    kinds = ["card", "gift_card"] + (["wallet"] if n % 3 == 0 else ["card"] if n % 4 == 0 else [])
    return {
        "first_name": first,
        "last_name": last,
        "email": f"{first}.{last}@example.com".lower(),
        "address": _address(rng),
        "payment_methods": {f"pm{n:03}{k}": {"kind": kind} for k, kind in enumerate(kinds, 1)},
        "credit_cents": rng.choice((0, 0, 500, 2000)),
        "messages_sent": 0,
        "note": rng.choice(catalogue.NOTES),
    }


def _products(rng: random.Random, authors: list[str]) -> list[tuple[str, dict[str, Any]]]:
    named = [(kind, name) for kind, names in catalogue.PRODUCTS.items() for name in names]
    return [(f"p{n:03}", _product(rng, n, *pair, authors)) for n, pair in enumerate(named, 1)]


def _product(
    rng: random.Random, n: int, category: str, name: str, authors: list[str]
) -> dict[str, Any]:
    price = rng.randrange(450, 16_000, 50) - 1
    options = rng.sample(catalogue.OPTIONS, rng.choice((3, 3, 4)))
    items = {
        f"i{n:03}{k}": {
            "options": option,
            "price_cents": price + 200 * (k - 1),
            "available": k < 3 or rng.random() < 0.5,
        }
        for k, option in enumerate(options, 1)
    }
    reviews = [
        {
            "author": rng.choice(authors),
            "rating": rng.randint(1, 5),
            "text": rng.choice(catalogue.REVIEWS),
        }
        for _ in range(2)
    ]
    return {"name": name, "category": category, "items": items, "reviews": reviews}


def _order(rng: random.Random, n: int, users: State, products: State) -> dict[str, Any]:
    user_id = f"u{(n - 1) % USERS + 1:03}"
    status = STATUSES[(n * 13) % len(STATUSES)]
    lines = _lines(rng, products)
    first = next(iter(lines))
    total = sum(line["price_cents"] for line in lines.values())
    paid = 0 if status in ("pending", "processing", "cancelled") else total
    if status == "shipped" and n % 2:
        paid = 0  # shipped on an authorization: the payment has still to be captured
    if status.endswith("_requested"):
        lines[first]["state"] = status
    return {
        "user_id": user_id,
        "status": status,
        "items": lines,
        "address": dict(users[user_id]["address"]),
        "payment_method_id": f"pm{user_id[1:]}1",
        "total_cents": total,
        "paid_cents": paid,
        "refunded_cents": 0,
        "days_since_delivery": rng.randint(1, 44) if paid and status != "shipped" else 0,
        "cancel_reason": "no_longer_needed" if status == "cancelled" else "",
        "note": rng.choice(catalogue.NOTES),
        "claims": [_claim(rng, first, total)] if n % 6 == 0 else [],
    }


def _lines(rng: random.Random, products: State) -> dict[str, Any]:
    lines = {}
    for product_id in sorted(rng.sample(sorted(products), rng.choice((1, 2, 2, 3)))):
        item_id = rng.choice(sorted(products[product_id]["items"])[:2])
        lines[item_id] = {
            "product_id": product_id,
            "name": products[product_id]["name"],
            "price_cents": products[product_id]["items"][item_id]["price_cents"],
            "state": "kept",
            "refunded_cents": 0,
        }
    return lines


def _claim(rng: random.Random, item_id: str, total: int) -> dict[str, Any]:
    return {"item_id": item_id, "cents": total + 1000, "text": rng.choice(catalogue.NOTES)}
