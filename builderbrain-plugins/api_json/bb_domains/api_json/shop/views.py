"""What the shop shows of its state: the answers to its GET requests."""

from typing import Any

from bb_domains.api_json.shop.policy import Body, Refusal, found
from bb_domains.api_json.shop.store import Transaction

PAGE = 10


def by_email(work: Transaction, email: str) -> Body:
    """The id of the customer with that e-mail address."""
    return _only(work, email=email)


def by_name(work: Transaction, first_name: str, last_name: str, zip_code: str) -> Body:
    """The id of the customer with that name and zip code."""
    ident = _only(work, first_name=first_name, last_name=last_name)
    if found(work, "users", ident["user_id"])["address"]["zip"] != zip_code:
        raise Refusal(404, "not-found", "no customer with that name and zip code")
    return ident


def _only(work: Transaction, **fields: str) -> Body:
    for ident, user in work.all("users").items():
        if all(user[name].lower() == value.lower() for name, value in fields.items()):
            return {"user_id": ident}
    raise Refusal(404, "not-found", f"no customer with that {' and '.join(fields)}")


def user(work: Transaction, user_id: str) -> Body:
    """A customer's profile."""
    body = found(work, "users", user_id)
    methods = [{"payment_method_id": k, **v} for k, v in sorted(body["payment_methods"].items())]
    return {"user_id": user_id, **body, "payment_methods": methods}


def order(work: Transaction, order_id: str) -> Body:
    """An order with all that decides what may be done about it."""
    body = found(work, "orders", order_id)
    policy = work.get("policy", "policy")
    owner = found(work, "users", body["user_id"])
    del body["cancel_reason"]
    return {
        **body,
        "order_id": order_id,
        "items": [_line(work, k, v, body["items"]) for k, v in sorted(body["items"].items())],
        "payment_options": sorted(owner["payment_methods"]),
        "days_left": policy["return_window_days"] - body["days_since_delivery"],
        "refund_methods": sorted(k for k, allowed in policy["refund_methods"].items() if allowed),
    }


def _line(work: Transaction, item_id: str, line: Body, items: Body) -> Body:
    variants = found(work, "products", line["product_id"])["items"]
    others = [k for k, v in sorted(variants.items()) if v["available"] and k not in items]
    shown = {k: v for k, v in line.items() if k != "exchanged_for"}
    return {"item_id": item_id, **shown, "exchange_for": others}


def product(work: Transaction, product_id: str) -> Body:
    """A product with its variants and what customers say about it."""
    body = found(work, "products", product_id)
    items = [{"item_id": k, **v} for k, v in sorted(body["items"].items())]
    return {"product_id": product_id, **body, "items": items}


def products(work: Transaction, category: str) -> Body:
    """The products of one category with their lowest price."""
    shown: list[dict[str, Any]] = [
        {
            "product_id": ident,
            "name": body["name"],
            "from_cents": min(v["price_cents"] for v in body["items"].values()),
        }
        for ident, body in work.all("products").items()
        if body["category"] == category
    ]
    return {"category": category, "products": shown[:PAGE]}


def request(work: Transaction, key: str) -> Body:
    """Whether the request with this key was carried out, and what it was answered."""
    answer = work.answer(key)
    return {"happened": True, "result": answer[2]} if answer else {"happened": False}
