"""The shop over real HTTP: refusals change nothing, keys act once, faults do what they say."""

import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from bb_core.adapters import Call
from bb_core.errors import BuilderbrainError, ToolError
from bb_domains.api_json.shop.data import changed, seed
from bb_domains.api_json.shop.serve import listen
from bb_domains.api_json.shop.store import open_store
from bb_domains.api_json.tool_adapters import ADAPTERS
from bb_domains.api_json.world import ShopWorld, connect, twin

REFUND = {"order_id": "W1001", "item_id": "i0171", "cents": 100, "method": "original"}


def call(world: ShopWorld, tool: str, args: dict[str, Any], key: str = "k1", s: float = 5.0) -> Any:
    return ADAPTERS.tools[tool](args, Call(world, "n1", key, s))


def fault(world: ShopWorld, tool: str, args: dict[str, Any], s: float = 5.0) -> str:
    with pytest.raises(ToolError) as caught:
        call(world, tool, args, s=s)
    return caught.value.kind


def test_seeds_are_equal_and_customers_are_not() -> None:
    first = seed()
    assert first == seed() and first != seed(8)
    assert len({user["email"] for user in first["users"].values()}) == 40
    statuses = {order["status"] for order in first["orders"].values()}
    assert len(first["orders"]) == 120 and len(first["products"]) == 60 and len(statuses) == 7


def test_changes_merge_remove_and_leave_the_rest() -> None:
    before = {"a": {"x": 1, "y": 2}, "b": 3}
    assert changed(before, {"a": {"y": None, "z": 4}}) == {"a": {"x": 1, "z": 4}, "b": 3}
    assert before == {"a": {"x": 1, "y": 2}, "b": 3}


def test_the_same_key_acts_once(world: ShopWorld) -> None:
    first = call(world, "create_refund", REFUND)
    after = world.snapshot()
    assert call(world, "create_refund", REFUND) == first
    assert world.snapshot() == after


def test_a_key_used_for_another_request_is_a_conflict(world: ShopWorld) -> None:
    call(world, "create_refund", REFUND)
    assert fault(world, "create_refund", {**REFUND, "cents": 101}) == "conflict"


def test_a_write_without_a_key_is_invalid(world: ShopWorld) -> None:
    answer = httpx.post(f"{world.url}/v1/orders/W1005/cancel", json={"reason": "no_longer_needed"})
    assert answer.status_code == 422 and "Idempotency-Key" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("tool", "args", "kind"),
    [
        ("create_refund", {**REFUND, "order_id": "W9999"}, "invalid"),
        ("create_refund", {**REFUND, "item_id": "i0172"}, "invalid"),
        ("create_refund", {**REFUND, "cents": 1900}, "invalid"),
        ("create_refund", {**REFUND, "cents": 50_001}, "invalid"),
        ("create_refund", {**REFUND, "order_id": "W1003", "item_id": "i0182"}, "denied"),
        ("create_refund", {**REFUND, "order_id": "W1005", "item_id": "i0302"}, "conflict"),
        ("cancel_order", {"order_id": "W1001", "reason": "no_longer_needed"}, "conflict"),
        ("return_items", {"order_id": "W1001", "item_ids": ["i0171", "i0171"]}, "invalid"),
        ("modify_payment", {"order_id": "W1005", "payment_method_id": "pm0011"}, "invalid"),
        ("capture_payment", {"order_id": "W1011", "cents": 5450}, "conflict"),
        ("issue_credit", {"user_id": "u001", "cents": 5001, "reason": "goodwill"}, "denied"),
        ("get_user", {"user_id": "u999"}, "invalid"),
    ],
)
def test_a_refusal_changes_nothing(
    world: ShopWorld, tool: str, args: dict[str, Any], kind: str
) -> None:
    before = world.snapshot()
    assert fault(world, tool, args) == kind
    assert world.snapshot() == before


def test_an_item_is_refunded_once(world: ShopWorld) -> None:
    call(world, "create_refund", REFUND, "k1")
    with pytest.raises(ToolError, match="refunded before"):
        call(world, "create_refund", REFUND, "k2")


def test_an_order_never_pays_back_more_than_was_paid(world: ShopWorld) -> None:
    world.reset({"orders": {"W1001": {"paid_cents": 99}}})
    assert fault(world, "create_refund", REFUND) == "conflict"


def test_two_refunds_at_once_are_one(world: ShopWorld) -> None:
    outcomes: list[str] = []

    def ask(key: str) -> None:
        try:
            outcomes.append(call(world, "create_refund", REFUND, key)["refund_id"])
        except ToolError as error:
            outcomes.append(error.kind)

    threads = [threading.Thread(target=ask, args=(f"k{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["R0001", *["conflict"] * 7]


@pytest.mark.parametrize(
    ("kind", "expected", "happened"),
    [
        ("lost", "timeout_unknown", True),
        ("dropped", "timeout_unknown", True),
        ("unreachable", "timeout_unknown", False),
        ("unavailable", "unavailable", False),
        ("limited", "limit", False),
    ],
)
def test_faults_do_what_they_say(
    world: ShopWorld, kind: str, expected: str, happened: bool
) -> None:
    world.trouble({"operation": "create_refund", "kind": kind, "seconds": 0.6, "times": 1})
    key = kind.encode().hex().ljust(64, "0")  # a late answer of another case has another key
    with pytest.raises(ToolError) as caught:
        call(world, "create_refund", REFUND, key, s=0.3)
    assert caught.value.kind == expected
    assert ("R0001" in world.snapshot()["refunds"]) is happened  # type: ignore[index,call-overload,operator]
    if kind == "lost":
        assert fault(world, "find_request", {"key": key}) == "limit"  # still on its way
    else:
        assert call(world, "find_request", {"key": key})["happened"] is happened
    world.trouble()
    assert call(world, "create_refund", REFUND, key)["refund_id"] == "R0001"


def test_a_read_that_times_out_is_merely_unavailable(world: ShopWorld) -> None:
    world.trouble({"operation": "get_order", "kind": "slow", "seconds": 0.5, "times": 1})
    assert fault(world, "get_order", {"order_id": "W1001"}, s=0.1) == "unavailable"


def test_equal_seeds_give_equal_trouble(world: ShopWorld) -> None:
    def luck() -> list[bool]:
        world.trouble({"operation": "*", "kind": "unavailable", "probability": 0.5}, seed=3)
        urls = [f"{world.url}/v1/products/p001"] * 12
        return [httpx.get(url).is_success for url in urls]

    first = luck()
    assert first == luck() and len(set(first)) == 2


def test_a_shop_without_admin_shows_no_state() -> None:
    from bb_domains.api_json.shop.app import create_app
    from bb_domains.api_json.shop.store import Store

    paths = {getattr(route, "path", "") for route in create_app(Store()).routes}
    assert not any(path.startswith("/admin") for path in paths)


def test_nobody_there_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        world = connect({"url": f"http://127.0.0.1:{unused.getsockname()[1]}"})
        assert fault(world, "create_refund", REFUND) == "unavailable"
        world.close()
    with pytest.raises(ToolError, match="url is ''"):
        connect({})


def test_a_port_in_use_and_a_broken_database_are_explained(tmp_path: Path) -> None:
    with listen(0) as taken, pytest.raises(BuilderbrainError, match="--port"):
        listen(taken.getsockname()[1])
    (tmp_path / "shop.sqlite").write_text("this is no database, whatever its name may say" * 40)
    with pytest.raises(BuilderbrainError, match="--db"):
        open_store(str(tmp_path / "shop.sqlite"))


def test_a_commit_that_fails_takes_nothing_with_it(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "shop.db"))
    store._sql.execute("PRAGMA busy_timeout = 20")
    before = store.snapshot()
    reader = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM things").fetchone()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        store.reset({"policy": {"return_days": 1}})
    reader.close()
    assert store.snapshot() == before
    store.reset({})
    store.close()


def test_the_module_serves_and_keeps_its_state(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bb_domains.api_json.shop", "--port", "0", "--db"]
    path = str(tmp_path / "shop.sqlite")
    with subprocess.Popen([*command, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1].removesuffix("/docs")
        world = connect({"url": url})
        assert call(world, "create_refund", REFUND)["refund_id"] == "R0001"
        with pytest.raises(ToolError, match="--admin"):
            world.snapshot()
        world.close()
        process.terminate()
    with sqlite3.connect(path) as kept:
        assert kept.execute("SELECT COUNT(*) FROM things WHERE kind = 'refunds'").fetchone() == (1,)


def test_twins_do_not_see_each_other() -> None:
    one, two = twin({}), twin({"policy": {"return_window_days": 14}})
    try:
        call(one, "create_refund", REFUND)
        assert two.snapshot()["refunds"] == {}  # type: ignore[index,call-overload]
        assert call(two, "get_order", {"order_id": "W1001"})["days_left"] == 9
        assert call(one, "get_order", {"order_id": "W1001"})["days_left"] == 25
    finally:
        one.close()
        two.close()
