"""A ledger shows closed words, numbers and the keys of things, and no other text."""

import json
from pathlib import Path
from typing import Any

import pytest

from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.record import Record
from bb_core.registry import discover
from bb_core.state import State
from bb_core.verdict import Refused
from bb_domains.api_json.tool_adapters import ADAPTERS
from bb_infra.sealed import own_sealed
from bb_runtime.redact import args_view, forgetful, result_view
from bb_runtime.rounds import Runner

HIDDEN = "hidden"


@pytest.fixture(scope="module")
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


@pytest.fixture(scope="module")
def social() -> Compiled:
    return compile_domain(discover().get("social"))


def hide(value: Any) -> str:
    return HIDDEN


def test_of_arguments_keys_closed_words_and_numbers_are_shown(shop: Compiled) -> None:
    args = {"order_id": "W1001", "method": "original", "cents": 1899, "item_ids": ["i0001"]}
    shown = args_view(shop.schema, "create_refund", args, hide)
    assert shown == {**args, "item_ids": HIDDEN}
    told = args_view(shop.schema, "notify_customer", {"user_id": "u001", "text": "Hi Ann"}, hide)
    assert told == {"user_id": "u001", "text": HIDDEN}


def test_a_text_that_is_the_key_of_a_thing_is_no_key_to_show(social: Compiled) -> None:
    assert args_view(social.schema, "read_text", {"text": "to anna"}, hide) == {"text": HIDDEN}
    shown = args_view(social.schema, "get_user", {"user_id": "u-001"}, hide)
    assert shown == {"user_id": "u-001"}


def test_of_results_too(shop: Compiled) -> None:
    found = {
        "user_id": "u001",
        "first_name": "Hugo",
        "address": {"street": "1 Elm", "city": "Rome", "zip": "12345"},
        "payment_methods": [{"payment_method_id": "pm0001", "kind": "card", "cents": 5}] * 22,
    }
    shown: Any = result_view(shop.schema, "get_user", found, hide)
    assert (shown["user_id"], shown["first_name"], shown["address"]) == ("u001", HIDDEN, HIDDEN)
    assert len(shown["payment_methods"]) == 21 and shown["payment_methods"][-1] == "and 2 more"
    # `cents` is no field of the schema: nobody knows what it tells.
    assert set(shown["payment_methods"][:-1]) == {HIDDEN}


def test_what_no_schema_describes_is_hidden_whole(shop: Compiled) -> None:
    for result in ("text", {"name": "Ann"}, ["Ann"]):
        found = json.dumps(result_view(shop.schema, "confirm", result, forgetful()))
        assert "Ann" not in found and "text" not in found


def test_the_texts_of_a_verdict_are_sealed_and_can_be_erased(
    shop: Compiled, tmp_path: Path
) -> None:
    steps = [{"id": "n1", "tool": "find_user_by_email", "args": {"email": "bianca secret person"}}]
    plan, kept, ledger = shop.read(steps), own_sealed(tmp_path), list[Record]()
    runner = Runner(shop, (), lambda *_, **__: pytest.fail("it ran"), ledger.append, "", keep=kept)
    runner.carry("r", plan)
    (said, done) = ledger
    assert "bianca" not in json.dumps(dict(said.body)) and done.body["end"] == "refused"
    (row,) = said.body["violations"]
    verdict = check(shop, plan, State())
    assert isinstance(verdict, Refused)
    (broken,) = verdict.violations
    assert (row["rule"], row["step"]) == (broken.rule, broken.step)
    assert kept.read(row["found"]) == broken.found and "bianca" in broken.found
    assert len(kept.containing("bianca")) == kept.erase(kept.containing("bianca")) >= 2


def test_no_text_of_a_customer_is_in_what_is_shown(shop: Compiled) -> None:
    state = ADAPTERS.twin({}).snapshot()
    for user in state["users"].values():
        shown = json.dumps(result_view(shop.schema, "get_user", user, forgetful()))
        assert user["last_name"] not in shown and user["email"] not in shown
        assert "credit_cents" in shown  # it was not hidden whole
