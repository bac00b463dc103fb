"""A name that a stranger chose keeps back a text with their name in it, and no other text."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb_core.adapters import Call
from bb_domains.social.desk import Clock, Desk
from bb_domains.social.network import Message, Report, Unable, User
from bb_domains.social.self_chosen import LONGEST_NAME, account_name, full_name, plain_word
from bb_domains.social.tool_adapters import ADAPTERS

ORDINARY = "On 2026-12-01 the museum opens... as the harbour does."
NAMES = {
    "Ana Sequeira": True,
    "J. Smith": True,
    "山田 太郎": True,
    "अमिताभ  बच्चन": True,
    "Ana Sequeira 🌊": True,
    "the": False,
    "...": False,
    "the 🌊": False,
    "\tthe\n": False,
    "museum": False,
    "as of 2026 12 01": False,
    "the " * 40: False,
    "": False,
}


class Town(Unable):
    """A network on which one person, who chose their name, writes, reports and has a profile."""

    def __init__(self, name: str) -> None:
        self.name = name

    def inbox(self, timeout_s: float) -> list[Message]:
        return [Message("1", "x@evil.example", self.name, "", "")]

    def reports(self, timeout_s: float) -> list[Report]:
        return [Report("1", "2", "3", word, "") for word in self.name.split()]

    def user(self, native: str, timeout_s: float) -> User:
        return User(native, "@x", name=self.name)


def desk(name: str, **state: Any) -> Desk:
    given = {"accounts": {"@a": {"network": "mail"}}, "contacts": {}, **state}
    return Desk(given, {"@a": Town(name)}, Clock(lambda: 0, lambda account: 12))


def call(one: Desk, tool: str, **args: str) -> Any:
    return ADAPTERS.tools[tool](args, Call(one, "n1", "", 1.0))


def nets(one: Desk, text: str) -> list[str]:
    return [found.net for found in one.findings(text) if found.net == "taint"]


@pytest.mark.parametrize("name", NAMES)
def test_what_counts_as_a_name(name: str) -> None:
    assert bool(full_name(name)) is NAMES[name]


@pytest.mark.parametrize("name", ["the", "...", "museum", "as the " * 20, "x 2026 1201 y"])
def test_nobody_silences_the_desk_by_their_name(name: str) -> None:
    one = desk(name)
    call(one, "fetch_inbox", account="@a")
    call(one, "fetch_reports", account="@a")
    call(one, "get_user", user_id=one.handles.give("u", "@a", "3"))
    assert nets(one, ORDINARY) == []


@pytest.mark.parametrize("tool", ["fetch_inbox", "get_user"])
def test_a_full_name_and_an_address_go_nowhere(tool: str) -> None:
    one = desk("Ana  Sequeira")
    where = {"account": "@a"} if tool == "fetch_inbox" else {}
    call(one, tool, **(where or {"user_id": one.handles.give("u", "@a", "3")}))
    assert nets(one, "I met ana SEQUEIRA today.") == ["taint"]
    assert nets(one, "Mail x@evil.example!") == (["taint"] if where else [])


def test_who_reported_goes_nowhere_by_the_name_they_are_spoken_to_with() -> None:
    one = desk("bram")
    call(one, "fetch_reports", account="@a")
    assert nets(one, "It was @bram.") == ["taint"] and nets(one, "bram") == []


def test_what_a_person_wrote_into_the_address_book_is_as_it_is() -> None:
    book = {"c-001": {"name": "Jürgen", "address": "j@town.example", "may_mail": True}}
    one = desk("", contacts=book)
    call(one, "get_contact", contact_id="c-001")
    assert nets(one, "Ask Jürgen.") == ["taint"]


def test_rows_of_one_word_that_a_desk_has_block_no_more(tmp_path: Path) -> None:
    kept = ["the", "...", "Jürgen", "Ana Sequeira", "x@evil.example", "+447700900101", "did:plc:x"]
    book = {"c-001": {"name": "Jürgen", "address": "j@town.example", "may_mail": True}}
    file = tmp_path / "desk.json"
    file.write_text(json.dumps({"seen": kept}))
    state = {"accounts": {"@a": {"network": "mail"}}, "contacts": book}
    one = Desk(state, {}, Clock(lambda: 0, lambda account: 12), file=file)
    assert one.state["seen"] == kept[2:]
    assert nets(one, ORDINARY) == [] and nets(one, "Jürgen and Ana Sequeira") == ["taint"] * 2
    one.close()


@given(st.text(max_size=LONGEST_NAME * 2))
def test_a_name_that_counts_is_never_a_plain_word(name: str) -> None:
    kept = full_name(name)
    assert len(kept) <= LONGEST_NAME and (not kept or not plain_word(kept))
    assert not plain_word(account_name(name))
