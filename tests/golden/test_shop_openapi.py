"""The shop's OpenAPI document is truthful, and the adapters keep the schema's promises.

Each status an operation documents is brought about once, by the least request that does it; an
operation that documents another status has no row here and fails.
"""

from typing import Any

import httpx
import pytest

from bb_core.adapters import Call
from bb_core.registry import discover
from bb_core.schema import PlanSchema
from bb_core.state_diff import state_diff
from bb_domains.api_json import domain
from bb_domains.api_json.tool_adapters import ADAPTERS, ENDPOINTS
from bb_domains.api_json.world import ShopWorld

Args = dict[str, Any]
ADDRESS = {"street": "1 New Street", "city": "Ashford", "zip": "10001"}
KEY = "0" * 64

GOOD: dict[str, Args] = {
    "find_user_by_email": {"email": "hugo.lindqvist@example.com"},
    "find_user_by_name_zip": {"first_name": "Hugo", "last_name": "Lindqvist", "zip": "60666"},
    "get_user": {"user_id": "u001"},
    "get_order": {"order_id": "W1001"},
    "get_product": {"product_id": "p001"},
    "list_products": {"category": "home"},
    "cancel_order": {"order_id": "W1005", "reason": "no_longer_needed"},
    "modify_address": {"order_id": "W1005", "address": ADDRESS},
    "modify_items": {"order_id": "W1005", "item_ids": ["i0302"], "new_item_ids": ["i0301"]},
    "modify_payment": {"order_id": "W1005", "payment_method_id": "pm0052"},
    "return_items": {"order_id": "W1001", "item_ids": ["i0171"]},
    "exchange_items": {"order_id": "W1001", "item_ids": ["i0171"], "new_item_ids": ["i0172"]},
    "create_refund": {"order_id": "W1001", "item_id": "i0171", "cents": 9, "method": "original"},
    "capture_payment": {"order_id": "W1011", "cents": 100},
    "issue_credit": {"user_id": "u001", "cents": 100, "reason": "goodwill"},
    "notify_customer": {"user_id": "u001", "text": "Hello."},
    "handoff": {"summary": "Please call back."},
    "find_request": {"key": KEY},
}
UNKNOWN: dict[str, Args] = {
    "email": {"email": "nobody@example.com"},
    "zip": {"zip": "00000"},
    "user_id": {"user_id": "u999"},
    "order_id": {"order_id": "W9999"},
    "product_id": {"product_id": "p999"},
}
FORBIDDEN: dict[str, Args] = {
    "return_items": {"order_id": "W1003", "item_ids": ["i0182"]},
    "exchange_items": {"order_id": "W1003", "item_ids": ["i0182"], "new_item_ids": ["i0181"]},
    "create_refund": {"order_id": "W1003", "item_id": "i0182"},
    "issue_credit": {"cents": 5001},
}
OTHER: dict[str, Args] = {
    "cancel_order": {"reason": "ordered_by_mistake"},
    "modify_address": {"address": {**ADDRESS, "zip": "10002"}},
    "modify_items": {"new_item_ids": ["i0303"]},
    "modify_payment": {"payment_method_id": "pm0051"},
    "return_items": {"item_ids": ["i0172"]},
    "exchange_items": {"new_item_ids": ["i0173"]},
    "create_refund": {"cents": 10},
    "capture_payment": {"cents": 101},
    "issue_credit": {"cents": 101},
    "notify_customer": {"text": "Hello again."},
    "handoff": {"summary": "Please write back."},
}


def schema() -> PlanSchema:
    return domain.plan_schema()


def send(world: ShopWorld, tool: str, args: Args, key: str = KEY) -> httpx.Response:
    endpoint = ENDPOINTS[tool]
    path, rest = endpoint.request(args)
    if endpoint.method == "GET":
        return httpx.get(world.url + path, params=rest)
    headers = {"Idempotency-Key": key}
    return httpx.request(endpoint.method, world.url + path, json=rest, headers=headers)


def provoke(world: ShopWorld, tool: str, status: int) -> httpx.Response:
    """The least request that makes the operation answer with this status."""
    good = GOOD[tool]
    if status in (429, 503):
        kind = "limited" if status == 429 else "unavailable"
        world.trouble({"operation": tool, "kind": kind, "times": 1})
        return send(world, tool, good)
    if status == 404:
        name = next(name for name in UNKNOWN if name in good)
        return send(world, tool, {**good, **UNKNOWN[name]})
    if status == 403:
        return send(world, tool, {**good, **FORBIDDEN[tool]})
    if status == 409:
        assert send(world, tool, good).is_success
        return send(world, tool, {**good, **OTHER[tool]})
    if status == 422:
        first = next(iter(good))
        return send(world, tool, {**good, first: "?"} if first != "summary" else {"summary": ""})
    return send(world, tool, good)


def document(world: ShopWorld) -> dict[str, Any]:
    return httpx.get(f"{world.url}/openapi.json").json()  # type: ignore[no-any-return]


def test_every_documented_status_is_true_and_has_its_shape(world: ShopWorld) -> None:
    found = 0
    for item in document(world)["paths"].values():
        for operation in item.values():
            for status, described in operation["responses"].items():
                world.reset({})
                answer = provoke(world, operation["operationId"], int(status))
                place = (operation["operationId"], status, answer.text)
                assert answer.status_code == int(status), place
                if int(status) >= 400:
                    assert set(answer.json()["error"]) == {"code", "message"}, place
                assert "application/json" in described["content"], place
                found += 1
    assert found >= 18 * 4


def test_operations_are_the_tools_and_nothing_else(world: ShopWorld) -> None:
    paths = document(world)["paths"]
    operations = {op["operationId"] for item in paths.values() for op in item.values()}
    approving = {name for name, tool in schema().tools.items() if tool.approves}
    assert operations == set(ENDPOINTS) == set(GOOD) == set(schema().tools) - approving


def test_requests_are_what_the_schema_takes_and_answers_what_it_promises(world: ShopWorld) -> None:
    from bb_core.compiled import compile_domain

    compiled = compile_domain(discover().get("api_json"))
    for tool, args in GOOD.items():
        world.reset({})
        compiled.validators[tool].validate(args)
        result = ADAPTERS.tools[tool](args, Call(world, "n1", KEY, 5.0))
        compiled.result_validators[tool].validate(result)


@pytest.mark.parametrize("tool", sorted(GOOD))
def test_reads_change_nothing_and_a_key_changes_it_once(world: ShopWorld, tool: str) -> None:
    before = world.snapshot()
    first = ADAPTERS.tools[tool](GOOD[tool], Call(world, "n1", KEY, 5.0))
    after = world.snapshot()
    assert bool(state_diff(before, after)) is schema().tools[tool].effect.acts
    assert ADAPTERS.tools[tool](GOOD[tool], Call(world, "n1", KEY, 5.0)) == first
    assert world.snapshot() == after


def test_a_compensation_takes_the_write_back(world: ShopWorld) -> None:
    undone = {name: tool.compensate for name, tool in schema().tools.items() if tool.compensate}
    assert set(undone) == {"modify_address", "modify_items", "modify_payment"}
    for tool, undo in undone.items():
        assert undo is not None
        world.reset({})
        before = world.snapshot()
        result: Any = ADAPTERS.tools[tool](GOOD[tool], Call(world, "n1", "do", 5.0))
        seen = {"args": GOOD[tool], "result": result}
        paths = {arg: path.split(".") for arg, path in undo.args.items()}
        args = {arg: seen[root][key] for arg, (root, key) in paths.items()}
        ADAPTERS.tools[undo.tool](args, Call(world, "n1", "undo", 5.0))
        assert state_diff(before, world.snapshot()) == {}
