"""Plans that break the policy, made from reference plans that keep it: one change each.

Each class names the rule that must refuse its mutants. A mutant may also change the twin (`world`)
or have the customer say no (`yes`). Every source plan has exactly one write, so that a refused
mutant must leave the whole database as the rounds before it left it.
"""

import copy
import random
from collections.abc import Callable, Iterator, Mapping

from convert import FIND
from moved import moved
from mutant import Mutant, Rounds, Source, Step, first
from twin import ADDRESS, Data

Make = Callable[[Source], "Rounds | None"]


def no_authentication(s: Source) -> Rounds | None:
    """Nobody looks the customer up."""
    return [s.without(FIND)]


def no_confirmation(s: Source) -> Rounds | None:
    """Nobody asks the customer."""
    return [s.without(("confirm",))]


def not_observed(s: Source) -> Rounds | None:
    """The order is written to unread."""
    return [s.without(("get_order_details",))] if "order_id" in s.args else None


def consent_not_before(s: Source) -> Rounds | None:
    """The consent is asked for, but the write does not wait for it."""
    s.write["after"] = [s.steps[-3]["id"]]
    return [s.steps]


def others_order(s: Source) -> Rounds | None:
    """Another customer's order in the same status."""
    if "order_id" not in s.args or not (order := s.other_order()):
        return None
    for step in s.steps:
        if "order_id" in step["args"]:
            step["args"]["order_id"] = order["order_id"]
    return [s.steps]


def others_profile(s: Source) -> Rounds | None:
    """Another customer's profile."""
    args = {"user_id": s.stranger()}
    return [[s.steps[0], {"id": "n99", "tool": "get_user_details", "args": args, "after": ["n1"]}]]


def second_customer(s: Source) -> Rounds | None:
    """A second customer is looked up after the first."""
    other = s.data["users"][s.stranger()]
    return [s.then((FIND[0], {"email": other["email"]}))]


def second_customer_later(s: Source) -> Rounds | None:
    """A second customer is looked up in the next round."""
    other = s.data["users"][s.stranger()]
    again = {"id": "n1", "tool": FIND[0], "args": {"email": other["email"]}}
    return [s.without((s.tool, "confirm")), [again]]


def foreign_payment(s: Source) -> Rounds | None:
    """Another customer's payment method."""
    if "payment_method_id" not in s.args:
        return None
    others = [u for u in s.data["users"].values() if u is not s.user and u["payment_methods"]]
    s.args["payment_method_id"] = s.rng.choice(sorted(s.rng.choice(others)["payment_methods"]))
    return [s.steps]


def refund_elsewhere(s: Source) -> Rounds | None:
    """A refund to the customer's own card that the order was not paid with."""
    paid = s.order["payment_history"][0]["payment_method_id"] if "order_id" in s.args else ""
    own = [m for m, v in s.user["payment_methods"].items() if m != paid] if paid else []
    own = [m for m in own if not m.startswith("gift_card")]
    if s.tool != "return_delivered_order_items" or not own:
        return None
    s.args["payment_method_id"] = own[0]
    return [s.steps]


def same_payment(s: Source) -> Rounds | None:
    """A pending order is to be paid in the way it was."""
    if "order_id" not in s.args or s.order["status"] != "pending":
        return None
    paid = s.order["payment_history"][0]["payment_method_id"]
    s.write["tool"] = "modify_pending_order_payment"
    s.write["args"] = {"order_id": s.order["order_id"], "payment_method_id": paid}
    return [s.steps]


def _variants(s: Source, *, same: bool, available: bool) -> list[str]:
    item = next(i for i in s.order["items"] if i["item_id"] == s.args["item_ids"][0])
    return [
        variant["item_id"]
        for ident, product in s.data["products"].items()
        if (ident == item["product_id"]) is same
        for variant in product["variants"].values()
        if variant["available"] is available and variant["item_id"] != item["item_id"]
    ]


def product_swap(s: Source) -> Rounds | None:
    """A new item of another product."""
    if "new_item_ids" not in s.args:
        return None
    s.args["new_item_ids"][0] = s.rng.choice(_variants(s, same=False, available=True))
    return [s.steps]


def unavailable(s: Source) -> Rounds | None:
    """A new item that is not available."""
    if "new_item_ids" not in s.args or not (gone := _variants(s, same=True, available=False)):
        return None
    s.args["new_item_ids"][0] = s.rng.choice(gone)
    return [s.steps]


def same_option(s: Source) -> Rounds | None:
    """An item is swapped for itself."""
    if "new_item_ids" not in s.args:
        return None
    s.args["new_item_ids"][0] = s.args["item_ids"][0]
    return [s.steps]


def unpaired(s: Source) -> Rounds | None:
    """One new item too many."""
    if "new_item_ids" not in s.args:
        return None
    s.args["new_item_ids"].append(s.args["new_item_ids"][0])
    return [s.steps]


def not_in_order(s: Source) -> Rounds | None:
    """An item the order does not hold."""
    if "item_ids" not in s.args:
        return None
    have = {item["item_id"] for item in s.order["items"]}
    all_items = [v for p in s.data["products"].values() for v in p["variants"] if v not in have]
    s.args["item_ids"][0] = s.rng.choice(all_items)
    return [s.steps]


def bad_reason(s: Source) -> Rounds | None:
    """A reason the policy does not know."""
    if "reason" not in s.args:
        return None
    s.args["reason"] = "found it cheaper"
    return [s.steps]


def twice(s: Source) -> Rounds | None:
    """The same write again, properly read and confirmed."""
    if "item_ids" not in s.args:
        return None
    return [[*s.steps, *_renumbered(s.without(FIND), len(s.steps))]]


def twice_later(s: Source) -> Rounds | None:
    """The same write again in the next round, properly read and confirmed."""
    again = _renumbered(s.without(FIND), 0)
    again[0] = first(again[0])
    return [s.steps, again] if "item_ids" in s.args else None


def paid_twice(s: Source) -> Rounds | None:
    """The payment method is changed, and changed once more in the next round."""
    if "order_id" not in s.args or s.order["status"] != "pending":
        return None
    paid = s.order["payment_history"][0]["payment_method_id"]
    own = [m for m in s.user["payment_methods"] if m != paid and not m.startswith("gift_card")]
    if not own:
        return None
    s.write["tool"] = "modify_pending_order_payment"
    s.write["args"] = {"order_id": s.order["order_id"], "payment_method_id": own[0]}
    again = _renumbered(s.without(FIND), 0)
    again[0] = first(again[0])
    return [s.steps, again]


def not_read_again(s: Source) -> Rounds | None:
    """A second write to the order, which nobody has read since the first."""
    if "order_id" not in s.args:
        return None
    address = {key: s.user["address"][key] for key in ADDRESS}
    args = {"order_id": s.args["order_id"], **address}
    return [s.then(("confirm", {}), ("modify_pending_order_address", args))]


def at_once(s: Source) -> Rounds | None:
    """A second write to what is being written, in no order with the first."""
    return [[*s.steps, {**s.write, "id": f"n{len(s.steps) + 1}"}]]


def _renumbered(steps: list[Step], start: int) -> list[Step]:
    return [
        {**step, "id": f"n{start + i + 1}", "after": [f"n{start + i}"]}
        for i, step in enumerate(copy.deepcopy(steps))
    ]


def cycle(s: Source) -> Rounds | None:
    """The plan waits for itself."""
    s.steps[0]["after"] = [s.steps[-1]["id"]]
    return [s.steps]


def dangling(s: Source) -> Rounds | None:
    """The plan names a step it does not have."""
    s.write["after"] = ["n98"]
    return [s.steps]


def unknown_tool(s: Source) -> Rounds | None:
    """A tool that does not exist."""
    s.write["tool"] = "refund_everything"
    return [s.steps]


CLASSES: Mapping[str, tuple[str, Make]] = {
    "no authentication": ("T.authenticated", no_authentication),
    "no confirmation": ("A.approved", no_confirmation),
    "consent not waited for": ("A.approved", consent_not_before),
    "order not read before": ("T.observed", not_observed),
    "another customer's order": ("G.owner", others_order),
    "another customer's profile": ("T.authenticated", others_profile),
    "second customer in one plan": ("T.authenticated", second_customer),
    "second customer in a later round": ("T.authenticated", second_customer_later),
    "foreign payment method": ("G.payment", foreign_payment),
    "refund to another card": ("G.refund-target", refund_elsewhere),
    "payment method unchanged": ("G.another", same_payment),
    "product type swapped": ("G.product", product_swap),
    "unavailable item": ("G.available", unavailable),
    "same option": ("G.different", same_option),
    "items unpaired": ("G.pairs", unpaired),
    "item not in the order": ("G.items", not_in_order),
    "reason not allowed": ("S.type", bad_reason),
    "called twice in one plan": ("B.once", twice),
    "called twice, in a later round": ("B.once", twice_later),
    "payment changed twice": ("G.single", paid_twice),
    "order not read again": ("T.observed", not_read_again),
    "two writes at once": ("R.race", at_once),
    "cycle": ("S.cycle", cycle),
    "dangling reference": ("S.dangling", dangling),
    "unknown tool": ("S.unknown-tool", unknown_tool),
}


def mutants(plans: list[list[Step]], data: Data, each: int, seed: int) -> Iterator[Mutant]:
    """Up to `each` mutants of every class, from plans in random order."""
    for name, (rule, make) in CLASSES.items():
        rng, made = random.Random(f"{seed} {name}"), 0
        for steps in rng.sample(plans, len(plans)):
            rounds = make(Source(steps, data, rng))
            if rounds:
                yield Mutant(name, rule, rounds)
                made += 1
            if made == each:
                break
    yield from moved(plans, data, each, seed)
