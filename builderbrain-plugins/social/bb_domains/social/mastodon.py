"""Mastodon: one account, by the REST API (v1) that Mastodon and its relatives speak.

A post carries the intent as its Idempotency-Key, so the server itself makes two into one. An
answer begins with the handle it answers, as Mastodon's own clients write it. `private` is
followers, `unlisted` is public. Limiting is silencing; hiding a post for good and back does not
exist, and labels are the desk's alone. Moderation takes a token with admin scopes.

Not run against a real server: tested on the wire against a server of ours in its form.
"""

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote

from bb_core.errors import ToolError
from bb_domains.social.network import RANK, Act, Post, Report, Saying, Unable, User, Visibility
from bb_domains.social.readable import readable
from bb_domains.social.wire import Wire

API = "/api/v1"
SEEN_BY: Mapping[str, Visibility] = {
    "public": "public",
    "unlisted": "public",
    "private": "followers",
    "direct": "direct",
}
WRITTEN = {"public": "public", "followers": "private", "direct": "direct"}
ACTIONS = {"limit": "silence", "suspend": "suspend"}
MOST = 20


class MastodonNetwork(Unable):
    """One account. Settings: url, token_env."""

    kind = "mastodon"

    def __init__(self, account: str, settings: Mapping[str, str]) -> None:
        self.wire = Wire(account, settings)

    def close(self) -> None:
        """Let go of the connection."""
        self.wire.close()

    @cached_property
    def me(self) -> str:
        """The account's own id."""
        return str(self.wire.get(f"{API}/accounts/verify_credentials", 10)["id"])

    def mentions(self, timeout_s: float) -> list[Post]:
        """The posts that mention the account, newest first."""
        wanted: dict[str, str | int] = {"types[]": "mention", "limit": MOST}
        got = self.wire.get(f"{API}/notifications", timeout_s, **wanted)
        statuses = [n["status"] for n in got if n.get("status")]
        return list(readable(statuses, lambda status: self._post(status, timeout_s)))

    def post(self, native: str, timeout_s: float) -> Post:
        """One post."""
        return self._post(self._status(native, timeout_s), timeout_s)

    def _status(self, native: str, timeout_s: float) -> dict[str, Any]:
        found: dict[str, Any] = self.wire.get(f"{API}/statuses/{quote(native)}", timeout_s)
        return found

    def _post(self, status: Mapping[str, Any], timeout_s: float) -> Post:
        own = str(status["account"]["id"]) == self.me
        return Post(
            native=str(status["id"]),
            author=str(status["account"]["id"]),
            text=plain(status.get("content") or ""),
            visibility=_seen_by(status),
            thread=self._thread(status, timeout_s),
            own=own,
            quotes=bool(status.get("quote") or status.get("quote_id")),
        )

    def _thread(self, status: Mapping[str, Any], timeout_s: float) -> Visibility:
        """The narrowest visibility of the post and all above it; what is hidden is direct."""
        if not status.get("in_reply_to_id"):
            return _seen_by(status)
        path = f"{API}/statuses/{quote(str(status['id']))}/context"
        above = self.wire.get(path, timeout_s)["ancestors"]
        whole = bool(above) and not above[0].get("in_reply_to_id")
        if not whole:
            return "direct"
        return min((_seen_by(status), *map(_seen_by, above)), key=lambda v: RANK[v])

    def user(self, native: str, timeout_s: float) -> User:
        """A user; mail address and status only for a moderator's token."""
        shown = self.wire.get(f"{API}/accounts/{quote(native)}", timeout_s)
        try:
            more = self.wire.get(f"{API}/admin/accounts/{quote(native)}", timeout_s)
        except ToolError as error:
            if error.kind != "denied":
                raise
            more = {}
        status = "suspended" if more.get("suspended") else "active"
        return User(
            native=native,
            handle=f"@{shown['acct']}",
            name=str(shown.get("display_name") or ""),
            email=str(more.get("email") or ""),
            about=plain(shown.get("note") or ""),
            status="limited" if more.get("silenced") and status == "active" else status,  # type: ignore[arg-type]
        )

    def say(self, saying: Saying, key: str, timeout_s: float) -> str:
        """A post, an answer, or a post that the server publishes later."""
        body: dict[str, Any] = {"status": saying.body, "visibility": WRITTEN[saying.visibility]}
        if saying.answers:
            acct = self._status(saying.answers, timeout_s)["account"]["acct"]
            body |= {"in_reply_to_id": saying.answers, "status": f"@{acct} {saying.body}"}
        if saying.hours:
            at = datetime.now(UTC) + timedelta(hours=saying.hours)
            body["scheduled_at"] = at.isoformat(timespec="seconds")
        headers = {"Idempotency-Key": key}
        return str(self.wire.act("POST", f"{API}/statuses", timeout_s, body, headers)["id"])

    def take_back(self, native: str, key: str, timeout_s: float) -> None:
        """Delete the post."""
        self.wire.act("DELETE", f"{API}/statuses/{quote(native)}", timeout_s)

    def moderate(self, act: Act, native: str, why: str, key: str, timeout_s: float) -> None:
        """Silence or suspend a user, or unsilence; a label is the desk's."""
        if act in ("hide", "unhide"):
            raise self.cannot(f"{act} a post")
        path = f"{API}/admin/accounts/{quote(native)}"
        if act in ACTIONS:
            body = {"type": ACTIONS[act], "text": why}
            self.wire.act("POST", f"{path}/action", timeout_s, body)
        elif act == "unlimit":
            self.wire.act("POST", f"{path}/unsilence", timeout_s)

    def reports(self, timeout_s: float) -> list[Report]:
        """The open reports, one for each post reported."""
        got = self.wire.get(f"{API}/admin/reports", timeout_s, resolved="false", limit=MOST)
        reported = [(row, status) for row in got for status in row.get("statuses") or ()]
        return list(readable(reported, _report))


def _report(of: tuple[Mapping[str, Any], Mapping[str, Any]]) -> Report:
    report, status = of
    return Report(
        native=f"{report['id']}/{status['id']}",
        post=str(status["id"]),
        user=str(report["target_account"]["id"]),
        reporter=str(report["account"]["account"]["acct"]),
        claim=str(report.get("comment") or ""),
    )


def _seen_by(status: Mapping[str, Any]) -> Visibility:
    """Who may see a post; of a visibility nobody knows yet, the one addressed."""
    return SEEN_BY.get(str(status.get("visibility")), "direct")


def plain(content: str) -> str:
    """A post's HTML as text."""
    lines = re.sub(r"<br\s*/?>|</p>\s*<p>", "\n", content)
    return html.unescape(re.sub(r"<[^>]*>", "", lines)).strip()
