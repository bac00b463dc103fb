"""The retail system in memory: the tools of tau-bench, written anew over its data pack.

A world shares the loaded data and keeps its own copies of what it writes, so making one is free.
"""

import ast
import copy
import gzip
import json
import operator
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bb_core.adapters import Adapter, Adapters, Call
from bb_core.errors import ToolError

Data = Mapping[str, Mapping[str, dict[str, Any]]]
ADDRESS = ("address1", "address2", "city", "state", "country", "zip")


def load(path: Path) -> Data:
    """The pack's database: orders, products and users by id."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        data: Data = json.load(file)
    return data


class Retail:
    """One retail system: shared data, own changes, and the effects made so far by their key."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.changed: dict[tuple[str, str], dict[str, Any]] = {}
        self.effects: dict[str, Any] = {}

    def look(self, kind: str, ident: str) -> dict[str, Any]:
        """A row as it is; the caller does not write to it."""
        found = self.changed.get((kind, ident)) or self.data[kind].get(ident)
        if found is None:
            raise ToolError("invalid", f"no {ident!r} among the {kind}")
        return found

    def edit(self, kind: str, ident: str) -> dict[str, Any]:
        """A row of this world's own, to write to."""
        row = self.look(kind, ident)
        return self.changed.setdefault((kind, ident), copy.deepcopy(row))

    def snapshot(self) -> Any:
        """The whole state."""
        rows = {kind: dict(table) for kind, table in self.data.items()}
        for (kind, ident), row in self.changed.items():
            rows[kind][ident] = row
        return rows

    def diff(self) -> list[dict[str, Any]]:
        """What changed since the data was loaded, in the pack's form: path, before, after."""
        found: list[dict[str, Any]] = []
        for (kind, ident), row in sorted(self.changed.items()):
            found += _diff(self.data[kind][ident], row, f"/{kind}/{ident}")
        return found

    def close(self) -> None:
        """Nothing to let go of."""


def _diff(before: Any, after: Any, path: str) -> Iterator[dict[str, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _diff(before.get(key), after.get(key), f"{path}/{key}")
    elif json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):
        yield {"path": path, "before": before, "after": after}


def _find_by_email(args: Mapping[str, Any], world: Retail) -> Any:
    for ident, user in world.data["users"].items():
        if user["email"].lower() == args["email"].lower():
            return {"user_id": ident}
    raise ToolError("invalid", "no customer has this email")


def _find_by_name(args: Mapping[str, Any], world: Retail) -> Any:
    for ident in world.data["users"]:
        user = world.look("users", ident)
        names = user["name"]["first_name"].lower(), user["name"]["last_name"].lower()
        wanted = args["first_name"].lower(), args["last_name"].lower()
        if names == wanted and user["address"]["zip"] == args["zip"]:
            return {"user_id": ident}
    raise ToolError("invalid", "no customer has this name and zip")


def _order_file(args: Mapping[str, Any], world: Retail) -> Any:
    order = world.look("orders", args["order_id"])
    products = {item["product_id"] for item in order["items"]}
    variants = {
        variant["item_id"]: {
            "product_id": product,
            "available": variant["available"],
            "price": float(variant["price"]),
        }
        for product in sorted(products)
        for variant in world.look("products", product)["variants"].values()
    }
    methods = world.look("users", order["user_id"])["payment_methods"]
    return {
        **order,
        "prices": {item["item_id"]: float(item["price"]) for item in reversed(order["items"])},
        "products": {item["item_id"]: item["product_id"] for item in order["items"]},
        "variants": variants,
        "payment_methods": {
            ident: {"source": m["source"], "balance": float(m.get("balance", 0))}
            for ident, m in methods.items()
        },
    }


def _products(args: Mapping[str, Any], world: Retail) -> Any:
    return {p["name"]: ident for ident, p in sorted(world.data["products"].items())}


_OPS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
_OPS |= {ast.Div: operator.truediv}


def _calculate(args: Mapping[str, Any], world: Retail) -> Any:
    def value(node: ast.expr) -> float:
        if isinstance(node, ast.BinOp) and type(node.op) in _OPS:
            return float(_OPS[type(node.op)](value(node.left), value(node.right)))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return float(node.value)  # type: ignore[arg-type]
        raise ToolError("invalid", "not an arithmetic expression")

    try:
        return {"value": round(value(ast.parse(args["expression"], mode="eval").body), 2)}
    except (SyntaxError, ZeroDivisionError, RecursionError) as error:
        raise ToolError("invalid", f"not an arithmetic expression: {error}") from error


def _cancel(args: Mapping[str, Any], world: Retail) -> Any:
    order = _in_status(world, args, "pending")
    refunds = []
    for payment in order["payment_history"]:
        _credit(world, order["user_id"], payment["payment_method_id"], payment["amount"])
        refunds.append({**payment, "transaction_type": "refund"})
    order["payment_history"] = order["payment_history"] + refunds
    order["status"], order["cancel_reason"] = "cancelled", args["reason"]
    return order


def _order_address(args: Mapping[str, Any], world: Retail) -> Any:
    order = _in_status(world, args, "pending")
    order["address"] = {key: args[key] for key in ADDRESS}
    return order


def _user_address(args: Mapping[str, Any], world: Retail) -> Any:
    user = world.edit("users", args["user_id"])
    user["address"] = {key: args[key] for key in ADDRESS}
    return user


def _order_payment(args: Mapping[str, Any], world: Retail) -> Any:
    order = _in_status(world, args, "pending")
    user, new, history = order["user_id"], args["payment_method_id"], order["payment_history"]
    if len(history) != 1 or history[0]["payment_method_id"] == new:
        raise ToolError("denied", "the order has one payment, by another method")
    old, amount = history[0]["payment_method_id"], history[0]["amount"]
    _covers(world, user, new, amount)
    history.append({"transaction_type": "payment", "amount": amount, "payment_method_id": new})
    history.append({"transaction_type": "refund", "amount": amount, "payment_method_id": old})
    _credit(world, user, new, -amount)
    _credit(world, user, old, amount)
    return order


def _order_items(args: Mapping[str, Any], world: Retail) -> Any:
    order = _in_status(world, args, "pending")
    change, method = _swap(world, order, args), args["payment_method_id"]
    _covers(world, order["user_id"], method, change)
    kind = "payment" if change > 0 else "refund"
    entry = {"transaction_type": kind, "amount": abs(change), "payment_method_id": method}
    order["payment_history"].append(entry)
    _credit(world, order["user_id"], method, -change)
    for old, new in zip(args["item_ids"], args["new_item_ids"], strict=True):
        item = next(item for item in order["items"] if item["item_id"] == old)
        variant = world.look("products", item["product_id"])["variants"][new]
        item |= {key: variant[key] for key in ("item_id", "price", "options")}
    order["status"] = "pending (item modified)"
    return order


def _exchange(args: Mapping[str, Any], world: Retail) -> Any:
    order = _in_status(world, args, "delivered")
    change, method = _swap(world, order, args), args["payment_method_id"]
    _covers(world, order["user_id"], method, change)
    return _put(
        order,
        status="exchange requested",
        exchange_items=sorted(args["item_ids"]),
        exchange_new_items=sorted(args["new_item_ids"]),
        exchange_payment_method_id=method,
        exchange_price_difference=round(change, 2),
    )


def _return(args: Mapping[str, Any], world: Retail) -> Any:
    order = _in_status(world, args, "delivered")
    method = args["payment_method_id"]
    source = _method(world, order["user_id"], method)["source"]
    if source != "gift_card" and method != order["payment_history"][0]["payment_method_id"]:
        raise ToolError("denied", "a refund goes to the original payment method or a gift card")
    _contained(order, args["item_ids"])
    return _put(
        order,
        status="return requested",
        return_items=sorted(args["item_ids"]),
        return_payment_method_id=method,
    )


def _put(order: dict[str, Any], **changes: Any) -> dict[str, Any]:
    order.update(changes)
    return order


def _in_status(world: Retail, args: Mapping[str, Any], status: str) -> dict[str, Any]:
    """The order, to be written to; every check after this one comes before the first write."""
    found = world.look("orders", args["order_id"])["status"]
    if found != status:
        raise ToolError("conflict", f"the order is {found}, not {status}")
    return world.edit("orders", args["order_id"])


def _swap(world: Retail, order: dict[str, Any], args: Mapping[str, Any]) -> float:
    """The price difference of exchanging items for new ones of the same product."""
    old, new = args["item_ids"], args["new_item_ids"]
    _contained(order, old)
    if len(old) != len(new):
        raise ToolError("invalid", "each item needs its new item")
    change = 0.0
    for before, after in zip(old, new, strict=True):
        item = next(item for item in order["items"] if item["item_id"] == before)
        variant = world.look("products", item["product_id"])["variants"].get(after)
        if not variant or not variant["available"]:
            raise ToolError("denied", f"{after} is no available variant of the same product")
        change += variant["price"] - item["price"]
    return change


def _contained(order: dict[str, Any], items: list[str]) -> None:
    have = [item["item_id"] for item in order["items"]]
    for item in items:
        if items.count(item) > have.count(item):
            raise ToolError("invalid", f"{item} is not in the order")


def _method(world: Retail, user: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] | None = world.look("users", user)["payment_methods"].get(method)
    if found is None:
        raise ToolError("denied", "the customer has no such payment method")
    return found


def _covers(world: Retail, user: str, method: str, amount: float) -> None:
    found = _method(world, user, method)
    if found["source"] == "gift_card" and found["balance"] < amount:
        raise ToolError("denied", "the gift card does not cover it")


def _credit(world: Retail, user: str, method: str, amount: float) -> None:
    """Money onto a gift card, at once; other methods are settled elsewhere."""
    if _method(world, user, method)["source"] == "gift_card":
        card = world.edit("users", user)["payment_methods"][method]
        card["balance"] = round(card["balance"] + amount, 2)


def _read(work: Callable[[Mapping[str, Any], Retail], Any]) -> Adapter:
    return lambda args, call: copy.deepcopy(work(args, call.world))


def _write(work: Callable[[Mapping[str, Any], Retail], Any]) -> Adapter:
    """An effect that happens once per key, whatever is sent again."""

    def adapter(args: Mapping[str, Any], call: Call) -> Any:
        effects = call.world.effects
        if call.key not in effects:
            effects[call.key] = copy.deepcopy(work(args, call.world))
        return effects[call.key]

    return adapter


TOOLS: Mapping[str, Adapter] = {
    "find_user_id_by_email": _read(_find_by_email),
    "find_user_id_by_name_zip": _read(_find_by_name),
    "confirm": _read(lambda args, world: {"approved": True}),
    "order_file": _read(_order_file),
    "get_order_details": _read(lambda args, world: world.look("orders", args["order_id"])),
    "get_user_details": _read(lambda args, world: world.look("users", args["user_id"])),
    "get_product_details": _read(lambda args, world: world.look("products", args["product_id"])),
    "list_all_product_types": _read(_products),
    "calculate": _read(_calculate),
    "think": _read(lambda args, world: {}),
    "transfer_to_human_agents": _write(lambda args, world: {}),
    "cancel_pending_order": _write(_cancel),
    "modify_pending_order_address": _write(_order_address),
    "modify_pending_order_payment": _write(_order_payment),
    "modify_pending_order_items": _write(_order_items),
    "return_delivered_order_items": _write(_return),
    "exchange_delivered_order_items": _write(_exchange),
    "modify_user_address": _write(_user_address),
}


def adapters(data: Data) -> Adapters:
    """The tools, and twins over the loaded data; there is no other retail system to connect to."""

    def connect(settings: Mapping[str, str]) -> Retail:
        raise ToolError("unavailable", "the retail system exists as a twin only")

    return Adapters(tools=TOOLS, connect=connect, twin=lambda changes: Retail(data))
