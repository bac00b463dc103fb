"""Matrix: one account in one room, by the client-server API.

Who may see a post is who may see the room: everybody where anyone may join, the members otherwise,
one person in a room of two. A send carries the intent as its transaction id, so the homeserver
itself makes two into one. Labels are the desk's alone; hiding does not exist (a redaction cannot
be taken back), limiting is a power level below what speaking takes, suspending is a ban.

Not covered: encrypted rooms; an account that is in the room twice; a homeserver that lies.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bb_core.errors import ToolError
from bb_domains.social import power
from bb_domains.social.network import RANK, Act, Post, Report, Saying, Unable, User, Visibility
from bb_domains.social.readable import part, readable
from bb_domains.social.wire import Wire, setting

API = "/_matrix/client/v3"
ADMIN = "/_synapse/admin/v1"
READ_BACK = 60


class MatrixNetwork(Unable):
    """One account's view of its room. Settings: url, token_env, user, room, admin (for reports)."""

    kind = "matrix"

    def __init__(self, account: str, settings: Mapping[str, str]) -> None:
        self.user_id, self.room_id = (setting(account, settings, k) for k in ("user", "room"))
        self.admin = settings.get("admin") == "true"
        self.wire = Wire(account, settings)
        self.room = f"{API}/rooms/{quote(self.room_id, safe='')}"

    def close(self) -> None:
        """Let go of the connection."""
        self.wire.close()

    def mentions(self, timeout_s: float) -> list[Post]:
        """The newest messages of others that mention the account or answer it."""
        got = self.wire.get(f"{self.room}/messages", timeout_s, dir="b", limit=READ_BACK)
        mine = {e["event_id"] for e in got["chunk"] if e.get("sender") == self.user_id}
        events = [e for e in got["chunk"] if _said(e) and self._spoken_to(e, mine)]
        seen_by = self._seen_by(timeout_s)
        return list(readable(events, lambda event: self._post(event, seen_by)))

    def _spoken_to(self, event: Mapping[str, Any], mine: set[str]) -> bool:
        """Whether it mentions the account or answers it; its content is whatever a member sent."""
        content = event["content"]
        answered = part(content, "m.relates_to", "m.in_reply_to").get("event_id")
        listed = part(content, "m.mentions").get("user_ids")
        named = isinstance(listed, list) and self.user_id in listed
        named = named or self.user_id in content["body"]
        answers = isinstance(answered, str) and answered in mine
        return event.get("sender") != self.user_id and (named or answers)

    def post(self, native: str, timeout_s: float) -> Post:
        """One message; raises ToolError for one that was taken back."""
        event = self.wire.get(f"{self.room}/event/{quote(native, safe='')}", timeout_s)
        if not _said(event):
            raise ToolError("invalid", "is no message, or was taken back", where=self.room_id)
        return self._post(event, self._seen_by(timeout_s))

    def _post(self, event: Mapping[str, Any], seen_by: Visibility) -> Post:
        author, text = str(event["sender"]), str(event["content"]["body"])
        own = author == self.user_id
        return Post(str(event["event_id"]), author, text, seen_by, seen_by, own)

    def _seen_by(self, timeout_s: float) -> Visibility:
        """Who may see the room."""
        rules = self.wire.get(f"{self.room}/state/m.room.join_rules", timeout_s)
        if rules.get("join_rule") == "public":
            return "public"
        members = self.wire.get(f"{self.room}/joined_members", timeout_s)
        return "direct" if len(members.get("joined", {})) <= 2 else "followers"

    def user(self, native: str, timeout_s: float) -> User:
        """A member: limited by their power level, suspended by their ban."""
        # a user's id may hold a slash
        path = f"{self.room}/state/m.room.member/{quote(native, safe='')}"
        member = self.wire.get(path, timeout_s)
        name = str(member.get("displayname") or "")
        if member.get("membership") == "ban":
            return User(native, native, name, status="suspended")
        limited = power.limited(self._levels(timeout_s), native)
        return User(native, native, name, status="limited" if limited else "active")

    def _levels(self, timeout_s: float) -> dict[str, Any]:
        found: dict[str, Any] = self.wire.get(f"{self.room}/state/m.room.power_levels", timeout_s)
        return found

    def say(self, saying: Saying, key: str, timeout_s: float) -> str:
        """One message, perhaps as an answer; refused where the room is wider than it may be."""
        if saying.hours:
            raise self.cannot("schedule")
        seen_by = self._seen_by(timeout_s)
        if RANK[seen_by] > RANK[saying.visibility]:
            found = f"the room is seen by {seen_by}, the post is for {saying.visibility}"
            raise ToolError("denied", found, where=self.room_id)
        content: dict[str, Any] = {"msgtype": "m.text", "body": saying.body, "m.mentions": {}}
        if saying.answers:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": saying.answers}}
        path = f"{self.room}/send/m.room.message/{key}"
        return str(self.wire.act("PUT", path, timeout_s, content)["event_id"])

    def take_back(self, native: str, key: str, timeout_s: float) -> None:
        """Redact the message."""
        path = f"{self.room}/redact/{quote(native, safe='')}/{key}"
        self.wire.act("PUT", path, timeout_s, {"reason": "taken back"})

    def moderate(self, act: Act, native: str, why: str, key: str, timeout_s: float) -> None:
        """Ban, or set the power level and give it back; a label is the desk's.

        Raises ToolError `denied` for a limit that would cost a rank above the room's default.
        """
        if act in ("hide", "unhide"):
            raise self.cannot(f"{act} a post")
        if act == "suspend":
            self.wire.act("POST", f"{self.room}/ban", timeout_s, {"user_id": native, "reason": why})
        elif act in ("limit", "unlimit"):
            change = power.limit if act == "limit" else power.unlimit
            levels = change(self._levels(timeout_s), native)
            self.wire.act("PUT", f"{self.room}/state/m.room.power_levels", timeout_s, levels)

    def reports(self, timeout_s: float) -> list[Report]:
        """The homeserver's reports of this room, for an account that is its admin."""
        if not self.admin:
            raise self.cannot("list reports without admin = 'true'")
        got = self.wire.get(f"{ADMIN}/event_reports", timeout_s, dir="b", room_id=self.room_id)
        return list(readable(got["event_reports"], _report))


def _said(event: Mapping[str, Any]) -> bool:
    body = part(event, "content").get("body")
    return part(event).get("type") == "m.room.message" and isinstance(body, str)


def _report(row: Mapping[str, Any]) -> Report:
    post, author, reporter = (row[key] for key in ("event_id", "sender", "user_id"))
    if not all(isinstance(native, str) for native in (post, author, reporter)):
        raise ValueError("a report of nothing")  # of an event that the homeserver has not
    return Report(str(row["id"]), post, author, reporter, str(row.get("reason") or ""))
