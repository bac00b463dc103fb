"""A reference action list -> the rounds of plans that carry it out under the policy.

Each action is a step, in its order. What the lists leave out is added: looking the customer up
first, reading an order before each write to it, and asking for consent before each write. A call
that breaks the policy, or that the reference records as failed, is a round of its own, so that the
rest can follow. What breaks the policy is read off the record here, without the checker:

    error: …                            the retail system of tau-bench refuses the call itself
    an item is swapped for itself       "a new item of the same product but of different option"
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from twin import Data

Action = Mapping[str, Any]
FIND = ("find_user_id_by_email", "find_user_id_by_name_zip")
WRITES = frozenset(
    {
        "cancel_pending_order",
        "modify_pending_order_address",
        "modify_pending_order_payment",
        "modify_pending_order_items",
        "return_delivered_order_items",
        "exchange_delivered_order_items",
        "modify_user_address",
    }
)


REFUSALS = {
    "insufficient gift card balance": "G.balance",
    "payment method should be either": "G.refund-target",
    "non-delivered order": "G.status",
}
FAILED = "failed"
"""What is expected of a lookup that finds nothing: no rule is broken, the tool has no answer."""


@dataclass(frozen=True)
class Round:
    """One plan's steps. `expect` is the rule it breaks, or FAILED, or empty if it goes through."""

    steps: list[dict[str, Any]]
    expect: str = ""


@dataclass
class Chain:
    """Steps one after the other."""

    steps: list[dict[str, Any]] = field(default_factory=list)

    def add(self, tool: str, args: Mapping[str, Any]) -> None:
        """One more step, after the last."""
        step: dict[str, Any] = {"id": f"n{len(self.steps) + 1}", "tool": tool, "args": dict(args)}
        if self.steps:
            step["after"] = [self.steps[-1]["id"]]
        self.steps.append(step)


def rounds(record: Mapping[str, Any], data: Data) -> list[Round]:
    """The rounds of one reference record."""
    observed: set[str] = set()
    return [_round(group, observed) for group in _groups(_with_lookup(record, data))]


def expected(action: Action) -> str:
    """What a reference call must come to, by the record alone: the first rule it breaks."""
    args = action["arguments"]
    pairs = zip(args.get("item_ids", ()), args.get("new_item_ids", ()), strict=False)
    if any(old == new for old, new in pairs):
        return "G.different"
    if not action["error"]:
        return ""
    seen = str(action["observation"])
    return next((rule for text, rule in REFUSALS.items() if text in seen), FAILED)


def _with_lookup(record: Mapping[str, Any], data: Data) -> list[Action]:
    actions: list[Action] = list(record["actions"])
    if any(a["name"] in FIND and not a["error"] for a in actions):
        return actions
    email = data["users"][record["user_id"]]["email"]
    return [{"name": FIND[0], "arguments": {"email": email}, "error": False}, *actions]


def _groups(actions: list[Action]) -> Iterator[list[Action]]:
    """Runs of actions that go through, and each other one alone."""
    group: list[Action] = []
    for action in actions:
        if expected(action):
            if group:
                yield group
            yield [action]
            group = []
        else:
            group.append(action)
    if group:
        yield group


def _round(group: list[Action], observed: set[str]) -> Round:
    chain, expect = Chain(), expected(group[0])
    for action in group:
        tool, args = action["name"], action["arguments"]
        order = args.get("order_id")
        if tool in WRITES:
            if order and order not in observed:
                chain.add("get_order_details", {"order_id": order})
            chain.add("confirm", {})
        chain.add(tool, args)
        if tool == "get_order_details":
            observed.add(order)
        elif tool in WRITES and not expect:
            observed.discard(order)
    return Round(chain.steps, expect)
