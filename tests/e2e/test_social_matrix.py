"""The desk on a real Matrix homeserver: checked plans publish, answer, take back, moderate."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from bb_core import discover
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import ToolError
from bb_core.state import State
from bb_core.verdict import Checked
from bb_domains.social.desk import Desk
from bb_domains.social.network import Saying
from bb_domains.social.tool_adapters import ADAPTERS
from bb_domains.social.world import connect
from bb_runtime.approve import by_policy
from bb_runtime.execute import execute
from bb_runtime.outcome import RunResult
from tests.e2e.synapse import SERVER, Homeserver, running

if find_spec("synapse") is None:  # it is never imported
    pytest.skip("pip install 'builderbrain-social[test]'", allow_module_level=True)
YES = by_policy(lambda request: True)
ACCOUNT = """
[accounts."@{name}"]
network = "matrix"
widest = "followers"
quiet_from = 0
quiet_to = 0
moderates = {moderates}
max_per_hour = 50
settings.url = "{url}"
settings.token_env = "TOKEN_{upper}"
settings.user = "@{name}:{server}"
settings.room = "{room}"
settings.admin = "true"
"""


@dataclass(frozen=True)
class Town:
    """A homeserver with a members' room: its moderator, and two members who talk."""

    server: Homeserver
    room: str
    tokens: dict[str, str]

    def says(self, who: str, text: str, key: str) -> str:
        content = {
            "msgtype": "m.text",
            "body": text,
            "m.mentions": {"user_ids": [f"@garden:{SERVER}"]},
        }
        path = f"/rooms/{self.room}/send/m.room.message/{key}"
        return str(self.server.ask(self.tokens[who], "PUT", path, content)["event_id"])

    def body(self, event: str) -> Any:
        got = self.server.ask(self.tokens["garden"], "GET", f"/rooms/{self.room}/event/{event}")
        return got["content"].get("body")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running(tmp_path_factory.mktemp("synapse")) as server:
        names = ("garden", "ana", "bram", "helper", "mallory/x")
        tokens = {name: server.register(name, admin=name == "garden") for name in names}
        invited = [f"@{name}:{SERVER}" for name in names[1:]]
        room = server.ask(
            tokens["garden"], "POST", "/createRoom", {"preset": "private_chat", "invite": invited}
        )
        for name in names[1:]:
            server.ask(tokens[name], "POST", f"/join/{room['room_id']}", {})
        yield Town(server, room["room_id"], tokens)


@pytest.fixture
def desk(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    file = tmp_path / "accounts.toml"
    text = 'desk = "desk.json"\n'
    for name in ("garden", "helper"):
        monkeypatch.setenv(f"TOKEN_{name.upper()}", town.tokens[name])
        text += ACCOUNT.format(
            name=name,
            upper=name.upper(),
            url=town.server.url,
            server=SERVER,
            room=town.room,
            moderates="true",
        )
    file.write_text(text)
    desk = connect({"accounts": str(file)})
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("social"))


def step(ident: str, tool: str, *after: str, **args: Any) -> Any:
    return {"id": ident, "tool": tool, "args": args, **({"after": list(after)} if after else {})}


def run(compiled: Compiled, desk: Desk, *steps: Any) -> RunResult:
    verdict = check(compiled, compiled.read(list(steps)), State(request="a test"))
    assert isinstance(verdict, Checked), verdict
    return execute(verdict, ADAPTERS, desk, approve=YES)


def spoken(account: str, text: str, *, to: Any = None) -> list[Any]:
    args = {"account": account, "draft_id": {"$ref": "n3/draft_id"}, "body": {"$ref": "n3/body"}}
    last = {**args, "visibility": "followers", **({"post_id": to} if to else {})}
    look = [step("n2", "get_post", "n1", post_id=to)] if to else []
    return [
        step("n1", "get_account", account=account),
        *look,
        step("n3", "draft", "n2" if to else "n1", account=account, text=text),
        step("n4", "review", "n3", question="Send it?"),
        step("n5", "reply" if to else "publish", "n4", **last),
    ]


def native(desk: Desk, handle: str) -> str:
    return desk.handles.find(handle)[1]


def test_publish_answer_and_redact(town: Town, desk: Desk, compiled: Compiled) -> None:
    question = town.says("ana", "Who waters the plots?", "q1")
    run(
        compiled,
        desk,
        step("n1", "get_account", account="@garden"),
        step("n2", "fetch_mentions", "n1", account="@garden"),
    )
    handle = desk.handles.give("p", "@garden", question)
    made = run(compiled, desk, *spoken("@garden", "The compost comes on Wednesday."))
    answered = run(compiled, desk, *spoken("@garden", "Kemi does.", to=handle))
    assert made.status == answered.status == "done", (made.outcomes, answered.outcomes)
    event = native(desk, made.results["n5"]["post_id"])  # type: ignore[index,call-overload,arg-type]
    assert town.body(event) == "The compost comes on Wednesday."
    reply = town.server.ask(
        town.tokens["ana"],
        "GET",
        f"/rooms/{town.room}/event/{native(desk, answered.results['n5']['post_id'])}",
    )  # type: ignore[index,call-overload,arg-type]
    assert reply["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == question
    post = made.results["n5"]["post_id"]  # type: ignore[index,call-overload]
    gone = run(
        compiled,
        desk,
        step("n1", "get_account", account="@garden"),
        step("n2", "get_post", "n1", post_id=post),
        step("n3", "review", "n2", question="Delete it?"),
        step("n4", "delete_post", "n3", account="@garden", post_id=post),
    )
    assert gone.status == "done" and town.body(event) is None


ODD: tuple[dict[str, Any], ...] = (
    {"m.relates_to": None},
    {"m.relates_to": "x"},
    {"m.relates_to": {"m.in_reply_to": None}},
    {"m.relates_to": {"m.in_reply_to": {"event_id": []}}},
    {"m.mentions": None},
    {"m.mentions": {"user_ids": None}},
    {"m.mentions": {"user_ids": 5}},
)


def test_what_a_member_puts_into_a_message_costs_nobody_theirs(town: Town, desk: Desk) -> None:
    town.says("ana", "Is the shed open?", "odd-before")
    taken = 0
    for number, odd in enumerate(ODD):
        content = {"msgtype": "m.text", "body": f"odd {number} for @garden:{SERVER}", **odd}
        path = f"/rooms/{town.room}/send/m.room.message/odd{number}"
        try:
            town.server.ask(town.tokens["bram"], "PUT", path, content)
        except httpx.HTTPStatusError:  # a homeserver may refuse some of them
            continue
        taken += 1
        assert desk.network("@garden").mentions(10)[0].text.startswith(f"odd {number}")
    texts = [post.text for post in desk.network("@garden").mentions(10)]
    assert "Is the shed open?" in texts and taken >= 3


def test_the_homeserver_makes_two_sends_of_one_intent_into_one(town: Town, desk: Desk) -> None:
    network = desk.network("@garden")
    once = network.say(Saying("Only once.", "followers"), "intent-1", 10)
    assert network.say(Saying("Only once.", "followers"), "intent-1", 10) == once


def test_a_room_of_members_takes_nothing_direct_and_nothing_later(desk: Desk) -> None:
    network = desk.network("@garden")
    with pytest.raises(ToolError, match="the room is seen by followers, the post is for direct"):
        network.say(Saying("For you alone.", "direct"), "k2", 10)
    with pytest.raises(ToolError, match="matrix cannot schedule"):
        network.say(Saying("Later.", "followers", hours=3), "k3", 10)


def moderated(account: str, user: str, tool: str) -> list[Any]:
    judged = step("n3", "judge", "n2", user_id=user, question="Suspend?")
    last = {"account": account, "user_id": user, "reason": "spam"}
    return [
        step("n1", "get_account", account=account),
        step("n2", "get_user", "n1", user_id=user),
        *(
            [judged, step("n4", tool, "n3", **last)]
            if tool == "suspend_user"
            else [step("n4", tool, "n2", **last)]
        ),
    ]


def test_a_moderator_climbs_the_ladder_and_a_member_is_forbidden_to(
    town: Town, desk: Desk, compiled: Compiled
) -> None:
    spam = town.says("bram", "Buy cheap pills!", "s1")
    post = desk.handles.give("p", "@garden", spam)
    bram = desk.handles.give("u", "@garden", f"@bram:{SERVER}")
    too_soon = run(compiled, desk, *moderated("@garden", bram, "limit_user"))
    assert "G.hidden-before" in str(too_soon.outcomes["n4"].why)
    labelled = run(
        compiled,
        desk,
        step("n1", "get_account", account="@garden"),
        step("n2", "get_post", "n1", post_id=post),
        step("n3", "label_post", "n2", account="@garden", post_id=post, label="spam"),
    )
    limited = run(compiled, desk, *moderated("@garden", bram, "limit_user"))
    assert labelled.status == limited.status == "done", limited.outcomes
    with pytest.raises(Exception, match="403"):
        town.says("bram", "I am muted.", "s2")
    theirs = desk.handles.give("u", "@helper", f"@bram:{SERVER}")
    forbidden = run(compiled, desk, *moderated("@helper", theirs, "suspend_user"))
    assert forbidden.status == "failed" and forbidden.outcomes["n4"].fault == "denied"
    assert "M_FORBIDDEN" in forbidden.outcomes["n4"].why
    assert run(compiled, desk, *moderated("@garden", bram, "suspend_user")).status == "done"
    assert desk.network("@garden").user(f"@bram:{SERVER}", 10).status == "suspended"
    with pytest.raises(ToolError, match="matrix cannot hide a post"):
        desk.network("@garden").moderate("hide", spam, "spam", "k9", 10)


def levels(town: Town, **users: int) -> Any:
    """The levels of the room's members; given some, after they are set."""
    path = f"/rooms/{town.room}/state/m.room.power_levels"
    found = town.server.ask(town.tokens["garden"], "GET", path)
    if users:
        found["users"] |= {f"@{name}:{SERVER}": level for name, level in users.items()}
        town.server.ask(town.tokens["garden"], "PUT", path, found)
    return found["users"]


def test_a_user_with_a_slash_is_a_user(town: Town, desk: Desk) -> None:
    network, mallory = desk.network("@garden"), f"@mallory/x:{SERVER}"
    assert network.user(mallory, 10).status == "active"
    network.moderate("limit", mallory, "spam", "k-slash", 10)
    assert network.user(mallory, 10).status == "limited"
    network.moderate("suspend", mallory, "spam", "k-slash-2", 10)
    assert network.user(mallory, 10).status == "suspended"


def test_a_limit_is_undone_to_the_level_before_and_costs_nobody_a_rank(
    town: Town, desk: Desk
) -> None:
    network, ana = desk.network("@garden"), f"@ana:{SERVER}"
    for own in ({}, {"ana": 0}):
        before = levels(town, **own)
        network.moderate("limit", ana, "spam", "k", 10)
        assert network.user(ana, 10).status == "limited" and levels(town) != before
        network.moderate("unlimit", ana, "", "k", 10)
        assert levels(town) == before
    ranked = levels(town, ana=50)
    with pytest.raises(ToolError, match="has level 50 and others 0") as caught:
        network.moderate("limit", ana, "spam", "k", 10)
    assert caught.value.kind == "denied"
    network.moderate("unlimit", ana, "", "k", 10)
    assert levels(town) == ranked
    levels(town, ana=0)


def test_reports_name_the_post_its_author_and_who_complained(
    town: Town, desk: Desk, compiled: Compiled
) -> None:
    bad = town.says("ana", "You are all idiots.", "r1")
    town.server.ask(
        town.tokens["helper"], "POST", f"/rooms/{town.room}/report/{bad}", {"reason": "An insult."}
    )
    seen = run(
        compiled,
        desk,
        step("n1", "get_account", account="@garden"),
        step("n2", "fetch_reports", "n1", account="@garden"),
    )
    report = seen.results["n2"]["reports"][0]  # type: ignore[index,call-overload]
    assert native(desk, report["post_id"]) == bad and report["claim"] == "An insult."  # type: ignore[index,call-overload,arg-type]
    assert native(desk, report["user_id"]) == f"@ana:{SERVER}"  # type: ignore[index,call-overload,arg-type]
    assert f"@helper:{SERVER}" in json.dumps(desk.state["seen"])


def test_a_wrong_token_is_denied_and_never_shown(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_GARDEN", "syt_wrong_secret")
    file = tmp_path / "accounts.toml"
    file.write_text(
        ACCOUNT.format(
            name="garden",
            upper="GARDEN",
            url=town.server.url,
            server=SERVER,
            room=town.room,
            moderates="true",
        )
    )
    desk = connect({"accounts": str(file)})
    with pytest.raises(ToolError, match="401") as caught:
        desk.network("@garden").mentions(10)
    assert caught.value.kind == "denied" and "secret" not in str(caught.value)
    desk.close()
