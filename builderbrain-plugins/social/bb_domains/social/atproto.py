"""The AT Protocol: one account on its PDS, by XRPC with the app.bsky lexicons.

Everything here is public. A post's record key is made from the intent, and a record is created
once: a second create is answered by the record that is there. Moderation goes to Ozone
(`tools.ozone.moderation.emitEvent`): labels are labels, hiding is `!hide`, limiting is `!warn` on
the account, suspending is a takedown.

Tested on the wire against a server of ours in its form, and run by hand against a real PDS, app
view and Ozone (@atproto/dev-env 0.6.7).
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from bb_core.errors import ToolError
from bb_domains.social.network import Act, Post, Report, Saying, Unable, User
from bb_domains.social.readable import part, readable
from bb_domains.social.wire import Wire, setting

POST, PROFILE = "app.bsky.feed.post", "app.bsky.actor.profile"
QUOTES = ("app.bsky.embed.record", "app.bsky.embed.recordWithMedia")
MENTIONS = ("mention", "reply", "quote")
ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
HIDDEN, LIMITED = "!hide", "!warn"
SUSPENDED = "AccountTakedown"
"""What an app view answers when it is asked for somebody who was suspended."""
MOST = 20
LABEL: Mapping[str, tuple[str, bool]] = {
    "hide": (HIDDEN, True),
    "unhide": (HIDDEN, False),
    "limit": (LIMITED, True),
    "unlimit": (LIMITED, False),
}


class AtprotoNetwork(Unable):
    """One account. Settings: url (its PDS), user (handle or DID), token_env (an app password)."""

    kind = "atproto"

    def __init__(self, account: str, settings: Mapping[str, str]) -> None:
        self.wire, self.user_name = Wire(account, settings), setting(account, settings, "user")
        self._password = os.environ[settings["token_env"]]
        self._moderator = settings.get("moderator", "")
        self.did = ""

    def close(self) -> None:
        """Let go of the connection."""
        self.wire.close()

    def _get(self, method: str, timeout_s: float, **params: str | int) -> Any:
        self._log_in(timeout_s)
        return self.wire.look(f"/xrpc/{method}", timeout_s, params, self._by_way_of(method))

    def _act(self, method: str, timeout_s: float, body: Any) -> Any:
        self._log_in(timeout_s)
        return self.wire.act("POST", f"/xrpc/{method}", timeout_s, body, self._by_way_of(method))

    def _by_way_of(self, method: str) -> dict[str, str]:
        """The header that has the PDS hand a moderator's request on to the labeller."""
        return {"atproto-proxy": self._moderator} if method.startswith("tools.ozone") else {}

    def _log_in(self, timeout_s: float) -> None:
        """A session for the app password, begun at the first request."""
        if self.did:
            return
        given = {"identifier": self.user_name, "password": self._password}
        path = "/xrpc/com.atproto.server.createSession"
        self.wire.http.headers.pop("Authorization", None)  # the password is no token
        try:
            # begins nothing anybody sees, so a lost answer is only a lost answer
            session = self.wire.act("POST", path, timeout_s, given)
        except ToolError as error:
            if error.kind != "timeout_unknown":
                raise
            raise ToolError("unavailable", error.found, where=error.where) from error
        self.wire.http.headers["Authorization"] = f"Bearer {session['accessJwt']}"
        self.did = str(session["did"])

    def mentions(self, timeout_s: float) -> list[Post]:
        """The posts that mention, answer or quote the account, newest first."""
        method = "app.bsky.notification.listNotifications"
        got = self._get(method, timeout_s, limit=MOST)["notifications"]
        return list(readable([r for r in got if r.get("reason") in MENTIONS], self._post))

    def post(self, native: str, timeout_s: float) -> Post:
        """One post."""
        return self._post(self._view(native, timeout_s))

    def _view(self, native: str, timeout_s: float) -> dict[str, Any]:
        found = self._get("app.bsky.feed.getPosts", timeout_s, uris=native)["posts"]
        if not found:
            raise ToolError("invalid", "no such post", where=self.wire.account)
        return dict(found[0])

    def _post(self, view: Mapping[str, Any]) -> Post:
        # a record is whatever its author wrote
        record, author = part(view, "record"), str(view["author"]["did"])
        quotes = part(record, "embed").get("$type", "") in QUOTES
        text = str(record.get("text") or "")
        own = author == self.did
        return Post(str(view["uri"]), author, text, "public", "public", own, quotes)

    def user(self, native: str, timeout_s: float) -> User:
        """A profile and what moderators have done: as Ozone has it, if we are one of them."""
        if self._moderator:
            return self._in_ozone(native, timeout_s)
        try:
            got = self._get("app.bsky.actor.getProfile", timeout_s, actor=native)
        except ToolError as error:
            if SUSPENDED not in error.found:
                raise
            return User(native, native, status="suspended")
        return _user(native, got, got, False)

    def _in_ozone(self, native: str, timeout_s: float) -> User:
        """The app view shows a label later, or not at all, and hides who was suspended."""
        got = self._get("tools.ozone.moderation.getRepo", timeout_s, did=native)
        records = [r for r in got.get("relatedRecords") or () if part(r).get("$type") == PROFILE]
        status = part(got, "moderation", "subjectStatus")
        return _user(native, got, records[0] if records else {}, status.get("takendown") is True)

    def say(self, saying: Saying, key: str, timeout_s: float) -> str:
        """Create the record, or find that it is there."""
        if saying.visibility != "public":
            raise self.cannot(f"publish to {saying.visibility}: everything is public")
        if saying.hours:
            raise self.cannot("schedule")
        self._log_in(timeout_s)
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record: dict[str, Any] = {"$type": POST, "text": saying.body, "createdAt": now}
        if saying.answers:
            record["reply"] = self._reply(saying.answers, timeout_s)
        rkey = record_key(key)
        body = {"repo": self.did, "collection": POST, "rkey": rkey, "record": record}
        made = self._once(body, timeout_s)
        return made or f"at://{self.did}/{POST}/{rkey}"

    def _once(self, body: Mapping[str, Any], timeout_s: float) -> str:
        """The uri of the record this made; empty when an earlier call had made it."""
        try:
            return str(self._act("com.atproto.repo.createRecord", timeout_s, body)["uri"])
        except ToolError as error:
            # A PDS has no status of its own for a record that is there: it answers 400 or 500.
            told = error.kind in ("invalid", "conflict", "timeout_unknown")
            if not told or not self._there(body, timeout_s):
                raise
            return ""

    def _there(self, body: Mapping[str, Any], timeout_s: float) -> bool:
        where = {name: str(body[name]) for name in ("repo", "collection", "rkey")}
        try:
            got = self._get("com.atproto.repo.getRecord", timeout_s, **where)
        except ToolError as error:
            if error.kind == "invalid":
                return False
            raise
        return bool(got["value"].get("text") == body["record"]["text"])

    def _reply(self, native: str, timeout_s: float) -> dict[str, Any]:
        view = self._view(native, timeout_s)
        parent = {"uri": view["uri"], "cid": view["cid"]}
        root = part(view, "record", "reply", "root")
        whole = all(isinstance(root.get(key), str) for key in ("uri", "cid"))
        return {"root": root if whole else parent, "parent": parent}

    def take_back(self, native: str, key: str, timeout_s: float) -> None:
        """Delete the record."""
        repo, collection, rkey = native.removeprefix("at://").split("/")
        body = {"repo": repo, "collection": collection, "rkey": rkey}
        self._act("com.atproto.repo.deleteRecord", timeout_s, body)

    def moderate(self, act: Act, native: str, why: str, key: str, timeout_s: float) -> None:
        """One moderation event."""
        if not self._moderator:
            raise self.cannot(f"{act} without moderator = 'did:…#atproto_labeler'")
        self._log_in(timeout_s)  # an event names who made it
        if act == "suspend":
            event: dict[str, Any] = {"$type": "tools.ozone.moderation.defs#modEventTakedown"}
        else:
            value, on = LABEL.get(act, (why, act == "label"))
            made, undone = ([value], []) if on else ([], [value])
            event = {
                "$type": "tools.ozone.moderation.defs#modEventLabel",
                "createLabelVals": made,
                "negateLabelVals": undone,
            }
        self._act("tools.ozone.moderation.emitEvent", timeout_s, self._event(event, native, why))

    def _event(self, event: Mapping[str, Any], native: str, why: str) -> dict[str, Any]:
        subject: dict[str, str] = {"$type": "com.atproto.admin.defs#repoRef", "did": native}
        if native.startswith("at://"):
            cid = str(self._view(native, 10)["cid"])
            subject = {"$type": "com.atproto.repo.strongRef", "uri": native, "cid": cid}
        return {"event": {**event, "comment": why}, "subject": subject, "createdBy": self.did}

    def reports(self, timeout_s: float) -> list[Report]:
        """The open reports of posts, as Ozone lists them."""
        if not self._moderator:
            raise self.cannot("list reports without moderator = 'did:…#atproto_labeler'")
        method = "tools.ozone.moderation.queryEvents"
        kind = "tools.ozone.moderation.defs#modEventReport"
        got = self._get(method, timeout_s, types=kind, limit=MOST)["events"]
        found = [r for r in got if str(part(r, "subject").get("uri", "")).startswith("at://")]
        return list(readable(found, _report))


def _report(row: Mapping[str, Any]) -> Report:
    post = str(row["subject"]["uri"])
    return Report(
        native=str(row["id"]),
        post=post,
        user=post.removeprefix("at://").partition("/")[0],
        reporter=str(row["createdBy"]),
        claim=str(part(row, "event").get("comment") or ""),
    )


def _user(native: str, got: Mapping[str, Any], profile: Mapping[str, Any], suspended: bool) -> User:
    labels = [row.get("val") for row in got.get("labels") or () if not row.get("neg")]
    limited = LIMITED in labels
    return User(
        native=native,
        handle=str(got["handle"]),
        name=str(profile.get("displayName") or ""),
        email=str(got.get("email") or ""),
        about=str(profile.get("description") or ""),
        status="suspended" if suspended else "limited" if limited else "active",
    )


def record_key(key: str) -> str:
    """13 characters in the form of a TID (base32, first bit clear), made from an intent."""
    number = int.from_bytes(sha256(key.encode()).digest()[:8]) >> 1
    return "".join(ALPHABET[(number >> shift) & 31] for shift in range(60, -1, -5))
