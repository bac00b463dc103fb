"""The desk's file and handles: whole or not at all, one process at a time."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bb_core.adapters import Call
from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.social.desk import Clock, Desk
from bb_domains.social.handles import Handles, handle
from bb_domains.social.reads import find_sent
from bb_domains.social.tool_adapters import ADAPTERS
from bb_domains.social.world import connect, twin

CLOCK = Clock(lambda: 7200, lambda name: 12)
ACCOUNTS = {"@a": {"network": "mail", "link_hosts": []}}


def desk(file: Path) -> Desk:
    return Desk({"accounts": ACCOUNTS}, {}, CLOCK, file=file)


def test_what_was_done_is_still_done_after_a_restart(tmp_path: Path) -> None:
    first = desk(tmp_path / "desk.json")
    call = Call(first, "n1", "k" * 64, 1.0)
    assert first.once(call, lambda: {"done": True}) == {"done": True}
    first.speak("@a")
    first.keep()
    first.close()
    again = desk(tmp_path / "desk.json")
    assert again.once(call, lambda: pytest.fail("done twice")) == {"done": True}
    assert again.said_this_hour("@a") == 1
    again.close()


def test_a_second_process_is_turned_away(tmp_path: Path) -> None:
    first = desk(tmp_path / "desk.json")
    with pytest.raises(ToolError, match="in use by another process"):
        desk(tmp_path / "desk.json")
    first.close()
    desk(tmp_path / "desk.json").close()


def test_a_file_that_is_no_desk_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "desk.json"
    file.write_text('{"drafts": ')
    with pytest.raises(ToolError, match="is no desk"):
        desk(file)
    assert file.read_text() == '{"drafts": '


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = desk(tmp_path / "desk.json")
    one.keep()
    before = (tmp_path / "desk.json").read_text()

    def full(*given: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(ToolError, match="disk full"):
        one.remember(["a value"])
    assert (tmp_path / "desk.json").read_text() == before
    one.close()


@pytest.mark.parametrize("late", [False, True])
def test_what_went_out_is_never_called_undone(tmp_path: Path, late: bool) -> None:
    """The disk is full before the act, or from the act on."""
    one, sent = desk(tmp_path / "desk.json"), list[str]()
    call, block = Call(one, "n1", "k" * 64, 1.0), tmp_path / "desk.new"

    def act() -> dict[str, Json]:
        sent.append("hello")
        if late:
            block.mkdir()
        return {"done": True}

    if not late:
        block.mkdir()
    with pytest.raises(ToolError) as error:
        one.once(call, act)
    assert (error.value.kind, len(sent)) == (("timeout_unknown", 1) if late else ("unavailable", 0))
    assert find_sent({"key": call.key}, call)["happened"] is late  # type: ignore[index,call-overload]
    one.close()
    block.rmdir()
    if late:
        again = desk(tmp_path / "desk.json")
        with pytest.raises(ToolError, match="its end is not known"):
            find_sent({"key": call.key}, Call(again, "n1", call.key, 1.0))
        again.close()


def test_what_was_done_is_kept_as_soon_as_it_can_be(tmp_path: Path) -> None:
    one, block = desk(tmp_path / "desk.json"), tmp_path / "desk.new"
    call = Call(one, "n1", "k" * 64, 1.0)
    with pytest.raises(ToolError, match="it was done"):
        one.once(call, lambda: block.mkdir() or {"done": True})  # type: ignore[func-returns-value]
    block.rmdir()
    assert one.once(call, lambda: pytest.fail("done twice")) == {"done": True}
    one.close()
    again = desk(tmp_path / "desk.json")
    assert again.state["sent"] == {call.key: {"done": True}} and again.state["begun"] == {}
    again.close()


def test_a_refusal_leaves_nothing_begun_and_a_lost_answer_does() -> None:
    one = Desk({"accounts": ACCOUNTS}, {}, CLOCK)
    for key, kind in (("a", "denied"), ("b", "timeout_unknown"), ("b", "denied")):
        call = Call(one, "n1", key, 1.0)

        def act(kind: Any = kind) -> dict[str, Json]:
            raise ToolError(kind, "no")

        with pytest.raises(ToolError):
            one.once(call, act)
    assert one.state["begun"] == {"b": True} and one.state["sent"] == {}


def test_the_file_is_for_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "desk.json"
    file.write_text("{}")
    file.chmod(0o644)
    (tmp_path / "desk.new").touch(0o666)
    one = desk(file)
    one.remember(["ana@people.example"])
    one.close()
    assert file.stat().st_mode & 0o777 == 0o600


@settings(max_examples=50)
@given(st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_a_handle_leads_back_to_what_it_names(natives: list[str]) -> None:
    handles = Handles({})
    given_out = [handles.give("p", "@a", native) for native in natives]
    assert len(set(given_out)) == len(natives)
    assert [handles.find(name) for name in given_out] == [("@a", native) for native in natives]
    assert [handles.give("p", "@a", native) for native in natives] == given_out


def test_a_handle_is_nobody_elses(tmp_path: Path) -> None:
    handles = Handles({})
    name = handles.give("p", "@a", "1")
    with pytest.raises(ToolError, match="nothing here is called p-never"):
        handles.find("p-never")
    with pytest.raises(ToolError, match="was fetched by @a, not by @b"):
        handles.seen_by("@b", name)
    taken = Handles({handle("p", "@a", "1"): ["@a", "other"]})
    with pytest.raises(ToolError, match="already names another"):
        taken.give("p", "@a", "1")


def test_two_contacts_of_one_name_are_nobody() -> None:
    world = twin({})
    call = Call(world, "n1", "", 1.0)
    with pytest.raises(ToolError, match="2 contacts are called 'Ursula Beck'") as caught:
        ADAPTERS.tools["find_contact"]({"name": "Ursula Beck"}, call)
    assert caught.value.kind == "conflict" and "c-006, c-008" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("accounts = 1", "accounts: "),
        ('[accounts."@a"]\nnetwork = "usenet"', "accounts.@a.network: Input should be 'mastodon'"),
        ('[accounts."@a"]\nnetwork = "mail"\nquiet_from = 24', "quiet_from"),
        ('[accounts."@a"]\nnetwork = "mail"\ntoken = "s3cret"', "accounts.@a.token: Extra inputs"),
        ('[accounts."@a"]\nnetwork = "mail"', "no host is set"),
        ('[accounts."@a"]\nnetwork = "mastodon"\nsettings.url = "ftp://x"', "write https"),
        ("accounts = [", "is not TOML"),
    ],
)
def test_a_wrong_accounts_file_is_explained_and_shows_no_secret(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(text)
    with pytest.raises(ToolError) as caught:
        connect({"accounts": str(file)})
    assert says.lower() in str(caught.value).lower() and "s3cret" not in str(caught.value)


def test_no_accounts_file() -> None:
    with pytest.raises(ToolError, match="Set accounts to a file"):
        connect({"accounts": "/nowhere/accounts.toml"})
