"""What the shop lets its own staff do: every refusal here is the business's, not the planner's.

404 no such thing, 409 the thing is in the wrong state, 422 the request does not fit the thing,
403 the policy forbids it. A refused request changes nothing.
"""

from collections.abc import Iterable
from typing import Any

from bb_domains.api_json.shop.store import Transaction

Body = dict[str, Any]


class Refusal(Exception):
    """A request the shop will not carry out: an HTTP status, a code and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def require(holds: bool, status: int, code: str, message: str) -> None:
    """Refuse unless the condition holds."""
    if not holds:
        raise Refusal(status, code, message)


def found(work: Transaction, kind: str, ident: str) -> Body:
    """The thing of that kind and id; refuses with 404."""
    body: Body | None = work.get(kind, ident)
    if body is None:
        raise Refusal(404, "not-found", f"no {kind[:-1]} {ident}")
    return body


def order_in(work: Transaction, order_id: str, *statuses: str) -> Body:
    """The order, which must be in one of these states."""
    order = found(work, "orders", order_id)
    status = order["status"]
    wanted = " or ".join(statuses)
    require(status in statuses, 409, "wrong-status", f"{order_id} is {status}, not {wanted}")
    return order


def lines(order: Body, item_ids: Iterable[str]) -> list[Body]:
    """The order's lines for these items, each still kept by the customer."""
    wanted = list(item_ids)
    require(len(set(wanted)) == len(wanted), 422, "item-twice", "an item is named twice")
    for item_id in wanted:
        require(item_id in order["items"], 422, "not-in-order", f"{item_id} is not in the order")
        state = order["items"][item_id]["state"]
        require(state == "kept", 409, "item-gone", f"{item_id} is already {state}")
    return [order["items"][item_id] for item_id in wanted]


def in_window(work: Transaction, order: Body) -> None:
    """Refuse once the return window has passed."""
    days, window = order["days_since_delivery"], work.get("policy", "policy")["return_window_days"]
    require(days <= window, 403, "window-passed", f"delivered {days} days ago; window is {window}")


def cancel(work: Transaction, order_id: str, reason: str) -> Body:
    """Cancel a pending order; nothing was captured, so nothing is paid back."""
    order = order_in(work, order_id, "pending")
    work.put("orders", order_id, {**order, "status": "cancelled", "cancel_reason": reason})
    return {"order_id": order_id, "status": "cancelled"}


def set_address(work: Transaction, order_id: str, address: Body) -> Body:
    """Send a pending order somewhere else."""
    order = order_in(work, order_id, "pending")
    work.put("orders", order_id, {**order, "address": address})
    return {"order_id": order_id, "previous": order["address"]}


def set_payment(work: Transaction, order_id: str, payment_method_id: str) -> Body:
    """Charge a pending order to another payment method of the same customer."""
    order = order_in(work, order_id, "pending")
    owned = found(work, "users", order["user_id"])["payment_methods"]
    require(payment_method_id in owned, 422, "not-theirs", "the customer has no such method")
    work.put("orders", order_id, {**order, "payment_method_id": payment_method_id})
    return {"order_id": order_id, "previous": order["payment_method_id"]}


def _swaps(
    work: Transaction, order: Body, old: list[str], new: list[str]
) -> list[tuple[str, Body]]:
    """The lines the new items make, each an available variant of the item it replaces."""
    require(len(old) == len(new), 422, "pairs", "as many new items as old ones are needed")
    require(len(set(new)) == len(new), 422, "item-twice", "a new item is named twice")
    made = []
    for line, was, item_id in zip(lines(order, old), old, new, strict=True):
        product = found(work, "products", line["product_id"])
        variant = product["items"].get(item_id)
        fits = variant is not None and item_id != was and item_id not in order["items"]
        require(fits, 422, "not-a-variant", f"{item_id} is no other variant of {was}")
        require(variant["available"], 409, "not-available", f"{item_id} is not in stock")
        made.append((item_id, {**line, "price_cents": variant["price_cents"]}))
    return made


def set_items(work: Transaction, order_id: str, old: list[str], new: list[str]) -> Body:
    """Change items of a pending order to other variants of the same products."""
    order = order_in(work, order_id, "pending")
    kept = {k: v for k, v in order["items"].items() if k not in old}
    items = {**kept, **dict(_swaps(work, order, old, new))}
    total = sum(line["price_cents"] for line in items.values())
    work.put("orders", order_id, {**order, "items": items, "total_cents": total})
    result = {"previous_item_ids": old, "item_ids": new, "total_cents": total}
    return {"order_id": order_id, **result}


def return_items(work: Transaction, order_id: str, item_ids: list[str]) -> Body:
    """Take items of a delivered order back; the money is a refund of its own."""
    order = order_in(work, order_id, "delivered")
    in_window(work, order)
    taken = lines(order, item_ids)
    for line in taken:
        line["state"] = "return_requested"
    work.put("orders", order_id, {**order, "status": "return_requested"})
    value = sum(line["price_cents"] for line in taken)
    return {"order_id": order_id, "status": "return_requested", "value_cents": value}


def exchange_items(work: Transaction, order_id: str, old: list[str], new: list[str]) -> Body:
    """Exchange items of a delivered order for other variants of the same products."""
    order = order_in(work, order_id, "delivered")
    in_window(work, order)
    made = _swaps(work, order, old, new)
    difference = 0
    for was, (item_id, line) in zip(old, made, strict=True):
        difference += line["price_cents"] - order["items"][was]["price_cents"]
        order["items"][was] |= {"state": "exchange_requested", "exchanged_for": item_id}
    work.put("orders", order_id, {**order, "status": "exchange_requested"})
    return {"order_id": order_id, "status": "exchange_requested", "difference_cents": difference}


def refund(work: Transaction, order_id: str, item_id: str, cents: int, method: str) -> Body:
    """Pay back for one item, once, at most its price and what is left of the payment."""
    order = order_in(work, order_id, "delivered", "return_requested")
    policy = work.get("policy", "policy")
    require(cents <= policy["refund_limit_cents"], 403, "over-limit", "a manager must do this")
    require(policy["refund_methods"].get(method, False), 403, "method", f"no refunds to {method}")
    in_window(work, order)
    require(item_id in order["items"], 422, "not-in-order", f"{item_id} is not in the order")
    line = order["items"][item_id]
    require(line["refunded_cents"] == 0, 409, "refunded", f"{item_id} was refunded before")
    require(cents <= line["price_cents"], 422, "over-price", f"{item_id} cost less than {cents}")
    left = order["paid_cents"] - order["refunded_cents"]
    require(cents <= left, 409, "over-paid", f"only {left} cents of the payment are left")
    line["refunded_cents"] = cents
    work.put("orders", order_id, {**order, "refunded_cents": order["refunded_cents"] + cents})
    if method == "gift_card":
        _add_credit(work, order["user_id"], cents)
    entry = {"order_id": order_id, "item_id": item_id, "cents": cents, "method": method}
    return {"refund_id": work.add("refunds", "R", entry), **entry}


def capture(work: Transaction, order_id: str, cents: int) -> Body:
    """Collect an authorized payment once the order is on its way."""
    order = order_in(work, order_id, "processing", "shipped")
    left = order["total_cents"] - order["paid_cents"]
    require(cents <= left, 409, "over-total", f"only {left} cents are still to be paid")
    paid = order["paid_cents"] + cents
    work.put("orders", order_id, {**order, "paid_cents": paid})
    return {"order_id": order_id, "captured_cents": cents, "paid_cents": paid}


def credit(work: Transaction, user_id: str, cents: int, reason: str) -> Body:
    """Give a customer store credit as a goodwill gesture."""
    most = work.get("policy", "policy")["credit_limit_cents"]
    require(cents <= most, 403, "over-limit", f"a manager must give more than {most} cents")
    balance = _add_credit(work, user_id, cents)
    entry = {"user_id": user_id, "cents": cents, "reason": reason}
    ident = work.add("credits", "C", entry)
    return {"credit_id": ident, "user_id": user_id, "cents": cents, "credit_cents": balance}


def _add_credit(work: Transaction, user_id: str, cents: int) -> int:
    user = found(work, "users", user_id)
    balance: int = user["credit_cents"] + cents
    work.put("users", user_id, {**user, "credit_cents": balance})
    return balance


def message(work: Transaction, user_id: str, text: str) -> Body:
    """Send a customer a message."""
    user = found(work, "users", user_id)
    work.put("users", user_id, {**user, "messages_sent": user["messages_sent"] + 1})
    ident = work.add("messages", "M", {"user_id": user_id, "text": text})
    return {"message_id": ident, "user_id": user_id}


def hand_off(work: Transaction, summary: str) -> Body:
    """Give the case to a person, with what is known so far."""
    return {"handoff_id": work.add("handoffs", "H", {"summary": summary})}
