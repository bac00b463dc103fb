"""The desk on a server in the AT Protocol's form: records are made once."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from bb_core.errors import ToolError
from bb_domains.social.atproto import AtprotoNetwork, record_key
from bb_domains.social.network import Saying
from tests.e2e.json_server import DROPPED, Asked, serving

ME, ANA = "did:plc:library", "did:plc:ana"
POST = "app.bsky.feed.post"
QUESTION = f"at://{ANA}/{POST}/3kaaaaaaaaaa2"
ROOT = {"uri": f"at://{ANA}/{POST}/3kroot", "cid": "bafyroot"}


class Server:
    """A PDS with an app view and a labeller, as the lexicons have it."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {
            QUESTION: {"text": "Do you lend games?", "reply": {"root": ROOT, "parent": ROOT}}
        }
        self.mentioning = [QUESTION]
        self.events: list[dict[str, Any]] = []
        self.labels: list[dict[str, Any]] = []
        self.drop = self.down = self.gone = False
        self.shown = True
        """Whether the app view shows what the labeller says."""
        self.taken = 400
        """What it answers for a record that is there: PDS versions differ."""

    def __call__(self, asked: Asked) -> tuple[int, Any]:
        name = asked.path.removeprefix("/xrpc/")
        if name == "com.atproto.server.createSession":
            if asked.body != {"identifier": "library.example", "password": "app-pass"}:
                return 401, {
                    "error": "AuthenticationRequired",
                    "message": "Invalid identifier or password",
                }
            return 200, {"accessJwt": "jwt", "did": ME}
        if asked.headers.get("authorization") != "Bearer jwt":
            return 401, {"error": "AuthMissing", "message": "Authentication Required"}
        return getattr(self, name.rpartition(".")[2])(asked)  # type: ignore[no-any-return]

    def view(self, uri: str) -> dict[str, Any]:
        did = uri.removeprefix("at://").partition("/")[0]
        return {
            "uri": uri,
            "cid": f"cid-{uri[-5:]}",
            "author": {"did": did},
            "record": self.records[uri],
        }

    def listNotifications(self, asked: Asked) -> tuple[int, Any]:
        return 200, {
            "notifications": [
                *({**self.view(uri), "reason": "mention"} for uri in self.mentioning),
                {**self.view(QUESTION), "reason": "like"},
            ]
        }

    def getPosts(self, asked: Asked) -> tuple[int, Any]:
        uri = asked.query["uris"]
        return 200, {"posts": [self.view(uri)] if uri in self.records else []}

    def getProfile(self, asked: Asked) -> tuple[int, Any]:
        if self.gone:
            return 400, {"error": "AccountTakedown", "message": "Account has been suspended"}
        return 200, {
            "did": ANA,
            "handle": "ana.example",
            "displayName": "Ana",
            "labels": self.labels if self.shown else [],
        }

    def createRecord(self, asked: Asked) -> tuple[int, Any]:
        body = asked.body
        uri = f"at://{body['repo']}/{body['collection']}/{body['rkey']}"
        if len(body["record"]["text"]) > 300:
            return 400, {
                "error": "InvalidRequest",
                "message": "text must not be longer than 300 graphemes",
            }
        if self.down:
            return 500, {"error": "InternalServerError", "message": "Internal Server Error"}
        if uri in self.records:
            return self.taken, {"error": "InvalidSwap", "message": "record already exists"}
        self.records[uri] = body["record"]
        if self.drop:
            self.drop = False
            return DROPPED, None
        return 200, {"uri": uri, "cid": "bafynew"}

    def getRecord(self, asked: Asked) -> tuple[int, Any]:
        q = asked.query
        uri = f"at://{q['repo']}/{q['collection']}/{q['rkey']}"
        if uri not in self.records:
            return 400, {"error": "RecordNotFound", "message": "Could not locate record"}
        return 200, {"uri": uri, "value": self.records[uri]}

    def deleteRecord(self, asked: Asked) -> tuple[int, Any]:
        b = asked.body
        self.records.pop(f"at://{b['repo']}/{b['collection']}/{b['rkey']}", None)
        return 200, {}

    def ozone(self, asked: Asked) -> tuple[int, Any] | None:
        if asked.headers.get("atproto-proxy") != "did:plc:mods#atproto_labeler":
            return 403, {"error": "Forbidden", "message": "not a moderator"}
        return None

    def emitEvent(self, asked: Asked) -> tuple[int, Any]:
        if refused := self.ozone(asked):
            return refused
        if asked.body["createdBy"] != ME:
            return 400, {"error": "InvalidRequest", "message": "Invalid DID at $.createdBy"}
        self.events.append(asked.body)
        event = asked.body["event"]
        if "did" in asked.body["subject"]:
            self.labels = [{"val": v} for v in event.get("createLabelVals", ())]
            self.gone = event["$type"].endswith("modEventTakedown")
        return 200, {"id": len(self.events)}

    def getRepo(self, asked: Asked) -> tuple[int, Any]:
        if refused := self.ozone(asked):
            return refused
        return 200, {
            "did": asked.query["did"],
            "handle": "ana.example",
            "email": "ana@people.example",
            "labels": self.labels,
            "moderation": {"subjectStatus": {"takendown": True}} if self.gone else {},
            "relatedRecords": [
                {"$type": POST, "text": "Hi"},
                {"$type": "app.bsky.actor.profile", "displayName": "Ana"},
            ],
        }

    def queryEvents(self, asked: Asked) -> tuple[int, Any]:
        if refused := self.ozone(asked):
            return refused
        event = {"comment": "spam"}
        return 200, {
            "events": [
                {"id": 4, "subject": {"uri": QUESTION}, "createdBy": "did:plc:bram", "event": event}
            ]
        }


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def network(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[AtprotoNetwork]:
    monkeypatch.setenv("BSKY_PASS", "app-pass")
    with serving(server) as url:
        settings = {"url": url, "token_env": "BSKY_PASS", "user": "library.example"}
        network = AtprotoNetwork(
            "@library", {**settings, "moderator": "did:plc:mods#atproto_labeler"}
        )
        yield network
        network.close()


def test_mentions_are_those_that_speak_to_us(network: AtprotoNetwork) -> None:
    (post,) = network.mentions(5)
    assert (post.native, post.author, post.text) == (QUESTION, ANA, "Do you lend games?")
    assert (post.visibility, post.thread, post.own) == ("public", "public", False)


@pytest.mark.parametrize(
    "record",
    [None, "x", {"embed": None}, {"embed": "x"}, {"embed": [], "text": {"a": 1}}, {"reply": None}],
)
def test_a_record_that_is_no_post_costs_itself_only(
    network: AtprotoNetwork, server: Server, record: Any
) -> None:
    odd = f"at://{ANA}/{POST}/3kodd"
    server.records[odd], server.mentioning = record, [odd, QUESTION]
    assert "Do you lend games?" in [post.text for post in network.mentions(5)]
    answered = network.say(Saying("We do.", "public", answers=odd), "intent-odd", 5)
    assert server.records[answered]["reply"]["root"]["uri"] == odd


def test_an_answer_hangs_on_the_thread_and_goes_out_once(
    network: AtprotoNetwork, server: Server
) -> None:
    saying = Saying("We do.", "public", answers=QUESTION)
    made = network.say(saying, "intent-1", 5)
    assert network.say(saying, "intent-1", 5) == made
    reply = server.records[made]["reply"]
    assert reply["root"] == ROOT and reply["parent"]["uri"] == QUESTION
    assert network.post(made, 5).own and len(server.records) == 2


@pytest.mark.parametrize("status", [400, 409, 500])
def test_a_record_that_is_there_is_ours_however_the_server_says_so(
    status: int, network: AtprotoNetwork, server: Server
) -> None:
    server.taken = status
    made = network.say(Saying("Hello.", "public"), "intent-2", 5)
    assert network.say(Saying("Hello.", "public"), "intent-2", 5) == made
    assert sum(text["text"] == "Hello." for text in server.records.values()) == 1


def test_a_lost_answer_is_found_again(network: AtprotoNetwork, server: Server) -> None:
    network.mentions(5)
    server.drop = True
    assert network.say(Saying("Hello.", "public"), "intent-2", 5) in server.records


def test_a_server_that_fails_leaves_nobody_knowing(network: AtprotoNetwork, server: Server) -> None:
    network.mentions(5)
    server.down = True
    with pytest.raises(ToolError) as caught:
        network.say(Saying("Hello.", "public"), "intent-2", 5)
    assert caught.value.kind == "timeout_unknown"


def test_another_record_under_the_key_is_not_taken_for_ours(
    network: AtprotoNetwork, server: Server
) -> None:
    network.mentions(5)
    server.records[f"at://{ME}/{POST}/{record_key('intent-3')}"] = {"text": "Somebody else's."}
    with pytest.raises(ToolError, match="already exists"):
        network.say(Saying("Ours.", "public"), "intent-3", 5)


def test_everything_is_public_and_now(network: AtprotoNetwork) -> None:
    with pytest.raises(ToolError, match="everything is public"):
        network.say(Saying("For you.", "followers"), "k", 5)
    with pytest.raises(ToolError, match="cannot schedule"):
        network.say(Saying("Later.", "public", hours=2), "k", 5)
    with pytest.raises(ToolError, match="300 graphemes"):
        network.say(Saying("x" * 301, "public"), "k", 5)


def test_delete(network: AtprotoNetwork) -> None:
    made = network.say(Saying("Oops.", "public"), "intent-4", 5)
    network.take_back(made, "k", 5)
    with pytest.raises(ToolError, match="no such post"):
        network.post(made, 5)


def test_the_ladder_is_labels_and_a_takedown(network: AtprotoNetwork, server: Server) -> None:
    for act, native in (
        ("label", QUESTION),
        ("hide", QUESTION),
        ("unhide", QUESTION),
        ("limit", ANA),
        ("suspend", ANA),
    ):
        network.moderate(act, native, "spam", "k", 5)  # type: ignore[arg-type]
    events = [e["event"] for e in server.events]
    assert [e.get("createLabelVals") for e in events] == [["spam"], ["!hide"], [], ["!warn"], None]
    assert events[2]["negateLabelVals"] == ["!hide"] and events[4]["$type"].endswith(
        "modEventTakedown"
    )
    assert (
        server.events[0]["subject"]["uri"] == QUESTION and server.events[3]["subject"]["did"] == ANA
    )
    assert [(r.post, r.user, r.claim) for r in network.reports(5)] == [(QUESTION, ANA, "spam")]


def test_a_moderator_sees_what_the_app_view_does_not_show(
    network: AtprotoNetwork, server: Server
) -> None:
    server.shown = False
    assert network.user(ANA, 5).status == "active"
    for act, status in (("limit", "limited"), ("unlimit", "active"), ("suspend", "suspended")):
        network.moderate(act, ANA, "spam", "k", 5)  # type: ignore[arg-type]
        user = network.user(ANA, 5)
        assert (user.status, user.handle, user.name) == (status, "ana.example", "Ana")
        assert user.email == "ana@people.example"


def test_who_is_no_moderator_sees_labels_and_who_is_gone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BSKY_PASS", "app-pass")
    with serving(server) as url:
        network = AtprotoNetwork(
            "@library", {"url": url, "token_env": "BSKY_PASS", "user": "library.example"}
        )
        server.labels = [{"val": "!warn"}]
        assert network.user(ANA, 5).status == "limited"
        server.gone = True
        assert network.user(ANA, 5).status == "suspended"
        with pytest.raises(ToolError, match="cannot hide without moderator"):
            network.moderate("hide", QUESTION, "spam", "k", 5)
        network.close()


def test_a_wrong_password_is_denied(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BSKY_PASS", "guess")
    with serving(server) as url:
        network = AtprotoNetwork(
            "@library", {"url": url, "token_env": "BSKY_PASS", "user": "library.example"}
        )
        with pytest.raises(ToolError, match="401") as caught:
            network.mentions(5)
        network.close()
    assert caught.value.kind == "denied" and "guess" not in str(caught.value)


def test_a_record_key_has_the_form_of_a_tid() -> None:
    keys = {record_key(f"intent-{i}") for i in range(500)}
    assert len(keys) == 500
    assert all(re.fullmatch(r"[234567abcdefghij][234567a-z]{12}", key) for key in keys)
