"""The desk on a server in Mastodon's form: what goes over the wire, and what its answers mean."""

from collections.abc import Iterator
from typing import Any

import pytest

from bb_core.errors import ToolError
from bb_domains.social.mastodon import MastodonNetwork, plain
from bb_domains.social.network import Saying
from tests.e2e.json_server import DROPPED, Asked, serving

PEOPLE = {"1": "harbour", "2": "ana@masto.example", "3": "bram"}


class Server:
    """Accounts, statuses and reports, as the REST API documents them."""

    def __init__(self) -> None:
        self.statuses: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.scheduled: list[dict[str, Any]] = []
        self.silenced: set[str] = set()
        self.suspended: set[str] = set()
        self.admin, self.drop = True, False
        self.alone, self.away = set[str](), False
        """The posts whose thread nobody finds; whether every thread is out of reach."""
        self.reported: list[Any] = [{"id": "10"}]
        self.add("10", "2", "private", "<p>Can members <b>book</b>?</p><p>Tom &amp; I</p>")
        self.add("11", "3", "public", "<p>Same question</p>", to="10")
        self.add("12", "3", "public", "<p>Is the pier open?</p>")

    def add(
        self, ident: str, who: str, visibility: str, content: str, to: str | None = None
    ) -> None:
        self.statuses[ident] = {
            "id": ident,
            "account": {"id": who, "acct": PEOPLE[who]},
            "visibility": visibility,
            "content": content,
            "in_reply_to_id": to,
        }

    def __call__(self, asked: Asked) -> tuple[int, Any]:
        if asked.headers.get("authorization") != "Bearer right":
            return 401, {"error": "The access token is invalid"}
        parts = asked.path.removeprefix("/api/v1/").split("/")
        match asked.method, parts:
            case "GET", ["accounts", "verify_credentials"]:
                return 200, {"id": "1"}
            case "GET", ["accounts", who] if who in PEOPLE:
                return 200, {
                    "id": who,
                    "acct": PEOPLE[who],
                    "display_name": "Ana",
                    "note": "<p>hi</p>",
                }
            case "GET", ["notifications"]:
                assert asked.query["types[]"] == "mention"
                return 200, [
                    {"id": s, "type": "mention", "status": self.statuses[s]} for s in ("12", "11")
                ]
            case "GET", ["statuses", ident] if ident in self.statuses:
                return 200, self.statuses[ident]
            case "GET", ["statuses", ident, "context"]:
                if self.away or ident in self.alone:
                    return (503 if self.away else 404), {"error": "not now"}
                above = self.statuses[ident]["in_reply_to_id"]
                return 200, {"ancestors": [self.statuses[above]] if above in self.statuses else []}
            case "POST", ["statuses"]:
                return self.post(asked)
            case "DELETE", ["statuses", ident] if ident in self.statuses:
                return 200, self.statuses.pop(ident)
            case _, ["admin", *rest]:
                return self.moderate(asked, rest) if self.admin else (403, {"error": "Not allowed"})
        return 404, {"error": "Record not found"}

    def post(self, asked: Asked) -> tuple[int, Any]:
        body, key = asked.body, asked.headers["idempotency-key"]
        if len(body["status"]) > 500:
            return 422, {"error": "Validation failed: Text character limit of 500 exceeded"}
        if key not in self.keys:
            if "scheduled_at" in body:
                self.scheduled.append(body)
                return 200, {"id": "s1"}
            self.keys[key] = str(100 + len(self.keys))
            self.add(
                self.keys[key], "1", body["visibility"], body["status"], body.get("in_reply_to_id")
            )
        if self.drop:
            self.drop = False
            return DROPPED, None
        return 200, self.statuses[self.keys[key]]

    def moderate(self, asked: Asked, rest: list[str]) -> tuple[int, Any]:
        match rest:
            case ["reports"]:
                report = {
                    "id": "7",
                    "comment": "spam",
                    "account": {"account": {"acct": "bram"}},
                    "target_account": {"id": "2"},
                    "statuses": self.reported,
                }
                return 200, [report]
            case ["accounts", who]:
                shown = {"email": "ana@people.example", "silenced": who in self.silenced}
                return 200, {**shown, "suspended": who in self.suspended}
            case ["accounts", who, "action"]:
                kept = {"silence": self.silenced, "suspend": self.suspended}[asked.body["type"]]
                kept.add(who)
                return 200, {}
            case ["accounts", who, "unsilence"]:
                self.silenced.discard(who)
                return 200, {}
        return 404, {}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def network(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[MastodonNetwork]:
    monkeypatch.setenv("MASTODON_TOKEN", "right")
    with serving(server) as url:
        network = MastodonNetwork("@harbour", {"url": url, "token_env": "MASTODON_TOKEN"})
        yield network
        network.close()


def test_mentions_and_a_post_in_plain_text(network: MastodonNetwork) -> None:
    assert [post.native for post in network.mentions(5)] == ["12", "11"]
    post = network.post("10", 5)
    assert (post.text, post.visibility, post.own) == (
        "Can members book?\nTom & I",
        "followers",
        False,
    )


def test_a_thread_is_as_narrow_as_its_narrowest_post(
    network: MastodonNetwork, server: Server
) -> None:
    assert (
        network.post("11", 5).thread == "followers" and network.post("11", 5).visibility == "public"
    )
    server.statuses["11"]["in_reply_to_id"] = "gone"
    assert network.post("11", 5).thread == "direct"


def test_a_mention_that_cannot_be_read_costs_itself_only(
    network: MastodonNetwork, server: Server
) -> None:
    server.alone.add("11")  # its thread went while it was listed
    assert [post.native for post in network.mentions(5)] == ["12"]
    server.statuses["11"]["account"] = None
    assert [post.native for post in network.mentions(5)] == ["12"]
    server.reported = [{"id": "10"}, None, {"id": "12"}]
    assert [report.post for report in network.reports(5)] == ["10", "12"]


def test_a_server_that_is_away_is_no_empty_list(network: MastodonNetwork, server: Server) -> None:
    assert len(network.mentions(5)) == 2
    server.away = True
    with pytest.raises(ToolError, match="503"):
        network.mentions(5)


def test_an_answer_names_whom_it_answers_and_goes_out_once(
    network: MastodonNetwork, server: Server
) -> None:
    saying = Saying("Yes, any evening.", "followers", answers="10")
    first = network.say(saying, "intent-1", 5)
    assert network.say(saying, "intent-1", 5) == first
    made = server.statuses[first]
    assert (made["visibility"], made["in_reply_to_id"]) == ("private", "10")
    assert made["content"] == "@ana@masto.example Yes, any evening."


def test_an_answer_that_is_lost_may_have_happened(network: MastodonNetwork, server: Server) -> None:
    server.drop = True
    with pytest.raises(ToolError) as caught:
        network.say(Saying("Hello.", "public"), "intent-2", 5)
    assert caught.value.kind == "timeout_unknown" and "intent-2" in server.keys
    assert network.say(Saying("Hello.", "public"), "intent-2", 5) == server.keys["intent-2"]


def test_later_is_left_to_the_server(network: MastodonNetwork, server: Server) -> None:
    assert network.say(Saying("Good morning.", "public", hours=12), "intent-3", 5) == "s1"
    assert server.scheduled[0]["scheduled_at"].endswith("+00:00")


def test_delete_and_then_it_is_gone(network: MastodonNetwork) -> None:
    made = network.say(Saying("Oops.", "public"), "intent-4", 5)
    assert network.post(made, 5).own
    network.take_back(made, "k", 5)
    with pytest.raises(ToolError, match="404"):
        network.post(made, 5)


def test_the_ladder_and_its_way_down(network: MastodonNetwork, server: Server) -> None:
    assert network.user("2", 5).status == "active"
    network.moderate("limit", "2", "spam", "k1", 5)
    assert network.user("2", 5).status == "limited"
    network.moderate("unlimit", "2", "", "k2", 5)
    network.moderate("suspend", "2", "spam", "k3", 5)
    assert network.user("2", 5).status == "suspended"
    with pytest.raises(ToolError, match="mastodon cannot hide a post"):
        network.moderate("hide", "10", "spam", "k4", 5)
    assert [(r.post, r.user, r.reporter, r.claim) for r in network.reports(5)] == [
        ("10", "2", "bram", "spam")
    ]


def test_without_admin_scopes_a_user_shows_less_and_nothing_is_done(
    network: MastodonNetwork, server: Server
) -> None:
    server.admin = False
    assert network.user("2", 5).email == ""
    with pytest.raises(ToolError) as caught:
        network.moderate("suspend", "2", "spam", "k", 5)
    assert caught.value.kind == "denied" and not server.suspended


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<p>a<br>b</p>", "a\nb"),
        ("<p>1 &lt; 2</p>", "1 < 2"),
        ('<a href="https://x.example">x</a>', "x"),
        ("", ""),
    ],
)
def test_html_becomes_text(content: str, text: str) -> None:
    assert plain(content) == text


def test_too_long_is_refused_by_the_server_and_nothing_was_done(network: MastodonNetwork) -> None:
    with pytest.raises(ToolError, match="422 Validation failed") as caught:
        network.say(Saying("x" * 501, "public"), "intent-5", 5)
    assert caught.value.kind == "invalid"
