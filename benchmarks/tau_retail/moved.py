"""Plans that were right until the world moved on, a card was spent or the customer said no."""

import copy
import random
from collections.abc import Iterator

from mutant import Mutant, Source, Step
from twin import Data

STATUS = {"pending": "processed", "delivered": "cancelled"}


def moved(plans: list[list[Step]], data: Data, each: int, seed: int) -> Iterator[Mutant]:
    """Up to `each` mutants of every class, from plans in random order."""
    rng = random.Random(seed)
    orders = [steps for steps in plans if "order_id" in steps[-1]["args"]]
    for steps in rng.sample(orders, min(each, len(orders))):
        order = data["orders"][steps[-1]["args"]["order_id"]]
        change = {("orders", order["order_id"]): {"status": STATUS[order["status"]]}}
        yield Mutant("status moved on", "G.status", [steps], world=change)
    for steps in rng.sample(orders, min(each, len(orders))):
        yield Mutant("customer says no", "not approved by customer", [steps], yes=False)
    yield from _emptied(orders, data, each, rng)


def _emptied(
    orders: list[list[Step]], data: Data, each: int, rng: random.Random
) -> Iterator[Mutant]:
    """A more expensive exchange, paid with the customer's gift card, which holds nothing."""
    made = 0
    for steps in rng.sample(orders, len(orders)):
        source = Source(steps, data, rng)
        cards = [m for m in source.user["payment_methods"] if m.startswith("gift_card")]
        if "new_item_ids" not in source.args or not cards or _change(source) <= 0:
            continue
        source.args["payment_method_id"] = cards[0]
        methods = copy.deepcopy(source.user["payment_methods"])
        methods[cards[0]]["balance"] = 0
        change = {("users", source.order["user_id"]): {"payment_methods": methods}}
        yield Mutant("gift card too small", "G.balance", [source.steps], world=change)
        made += 1
        if made == each:
            return


def _change(source: Source) -> float:
    variants = [v for p in source.data["products"].values() for v in p["variants"].values()]
    prices = {variant["item_id"]: variant["price"] for variant in variants}
    paid = {item["item_id"]: item["price"] for item in source.order["items"]}
    pairs = zip(source.args["item_ids"], source.args["new_item_ids"], strict=True)
    return float(sum(prices[new] - paid[old] for old, new in pairs))
