"""A mail is whatever a stranger sent: a bad one costs itself only, and never its neighbours."""

import json
import mailbox
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bb_core.adapters import Call
from bb_domains.social.desk import Desk
from bb_domains.social.handles import Handles, handle
from bb_domains.social.tool_adapters import ADAPTERS
from bb_domains.social.world import connect

GOOD = b"From: Ana <ana@x.example>\nSubject: hi\nMessage-ID: <1@x>\n\nhello\n"
FROM = b"From: a@b.example\nSubject: x\nMessage-ID: <2@x>\n"
MIXED = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
HOSTILE = {
    "an address without a host": b"From: a@\nMessage-ID: <2@x>\n\nhi\n",
    "a bare angle": b"From: <\nMessage-ID: <2@x>\n\nhi\n",
    "an id that is an angle": b"From: a@b.example\nMessage-ID: <\n\nhi\n",
    "an id that ends at its at": b"From: a@b.example\nMessage-ID: <a@\n\nhi\n",
    "bytes in every field": b"From: \xff <\xfe@b>\nMessage-ID: <\xff>\nSubject: \xfe\n\n\xff\n",
    "no fields": b"\n\nhi\n",
    "a comment without a bottom": b"From: " + b"(" * 2000 + b"\nMessage-ID: <2@x>\n\nhi\n",
    "parts without a bottom": FROM + b"".join(MIXED % (i, i) for i in range(1200)) + b"\nhi",
    "a charset that is none": FROM + b'Content-Type: text/plain; charset="\\x00"\n\nhi\n',
    "a date far away": b"From: a@b.example\nDate: 1 Jan 99999 99:99:99 +99999\n\nhi\n",
}


def desk(folder: Path, *mails: bytes) -> Desk:
    box = mailbox.Maildir(folder / "in", create=True)
    for mail in mails:
        box.add(mail)
    told = f'host="127.0.0.1", address="press@town.example", inbox="{folder / "in"}"'
    (folder / "accounts.toml").write_text(
        f'desk = "desk.json"\n[accounts."@press"]\nnetwork = "mail"\nsettings = {{{told}}}\n'
    )
    return connect({"accounts": str(folder / "accounts.toml")})


def call(tool: str, one: Desk, **args: Any) -> Any:
    return ADAPTERS.tools[tool](args, Call(one, "n1", "", 5))


def inbox(one: Desk) -> list[dict[str, str]]:
    messages: list[dict[str, str]] = call("fetch_inbox", one, account="@press")["messages"]
    return messages


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_mail_costs_itself_only(tmp_path: Path, raw: bytes) -> None:
    one = desk(tmp_path, GOOD, raw)
    shown = inbox(one)
    assert [m["text"] for m in shown if m["subject"] == "hi"] == ["hello"] and len(shown) <= 2
    json.dumps(shown, ensure_ascii=False).encode()  # what is shown can be written down
    one.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(field=st.sampled_from([b"From", b"Message-ID", b"Subject", b"Date"]), said=st.binary())
def test_whatever_a_field_says_the_other_mails_are_read(
    tmp_path_factory: pytest.TempPathFactory, field: bytes, said: bytes
) -> None:
    one = desk(tmp_path_factory.mktemp("mail"), GOOD, field + b": " + said + b"\n\nhi\n")
    assert "hello" in [m["text"] for m in inbox(one)]
    one.close()


def test_an_id_that_is_the_address_is_still_two_things(tmp_path: Path) -> None:
    same = b"From: evil@x.example\nMessage-ID: evil@x.example\nSubject: hi\n\nhi\n"
    one = desk(tmp_path, same)
    (message,) = inbox(one)
    assert (message["message_id"][:2], message["contact_id"][:2]) == ("m-", "c-")
    contact = call("get_contact", one, contact_id=message["contact_id"])
    assert contact["address"] == "evil@x.example"
    one.close()


def test_two_mails_made_to_share_a_handle_do_not_hide_the_rest(tmp_path: Path) -> None:
    one = desk(tmp_path, GOOD, GOOD.replace(b"<1@x>", b"<2@x>").replace(b"hello", b"hello you"))
    one.handles.call(handle("m", "@press", "<2@x>"), "@press", "another id of the same digest")
    assert [m["text"] for m in inbox(one)] == ["hello"]
    one.close()


def test_a_desk_of_the_version_before_still_opens(tmp_path: Path) -> None:
    """It may have one handle, of the first kind asked for, for a native id of two kinds."""
    old = {handle("m", "@press", "evil@x.example"): ["@press", "evil@x.example"]}
    (tmp_path / "desk.json").write_text(json.dumps({"handles": old}))
    one = desk(tmp_path, b"From: evil@x.example\nMessage-ID: evil@x.example\n\nhi\n")
    (message,) = inbox(one)
    assert message["message_id"] in old and message["contact_id"].startswith("c-")
    one.close()


@given(st.text(), st.lists(st.sampled_from("pucrms"), unique=True, min_size=2))
def test_each_kind_has_a_handle_of_its_own(native: str, kinds: list[str]) -> None:
    handles = Handles({})
    given_out = {kind: handles.give(kind, "@a", native) for kind in kinds}
    assert all(name.startswith(f"{kind}-") for kind, name in given_out.items())
    assert {kind: handles.give(kind, "@a", native) for kind in kinds} == given_out
