"""A network in memory, for plans to be tried on: fast, fresh, the same each time.

It shows itself in the form of the network each account is on: native ids and handles as Mastodon,
the AT Protocol and Matrix write them. What it holds is keyed by the desk's own handles.
"""

from typing import Any

from bb_core.errors import ToolError
from bb_domains.social.handles import Handles
from bb_domains.social.network import (
    HIDES,
    OFFERS,
    RANK,
    SCHEDULES,
    Act,
    Message,
    Post,
    Report,
    Saying,
    User,
    Visibility,
)

FIRST = 101


class TwinNetwork:
    """One account's view of the network in `state`."""

    def __init__(self, state: dict[str, Any], account: str, handles: Handles) -> None:
        self.state, self.account, self.handles = state, account, handles
        self.kind: str = state["accounts"][account]["network"]

    def native(self, name: str) -> str:
        """How this account's network writes the id of what the desk calls `name`."""
        match self.kind:
            case "atproto":
                return f"at://did:plc:{self.account[1:]}/app.bsky.feed.post/{name}"
            case "matrix":
                return f"${name}:town.example"
            case "mail":
                return f"<{name}@press.example>"
        return f"10{int.from_bytes(name.encode()) % 10**16:016}"

    def address(self, handle: str) -> str:
        """How this account's network writes a user's handle."""
        match self.kind:
            case "atproto":
                return f"{handle}.bsky.example"
            case "matrix":
                return f"@{handle}:town.example"
        return f"@{handle}@town.example"

    def _named(self, native: str, kind: str) -> str:
        for name in self.state[kind]:
            if self.native(name) == native:
                return str(name)
        raise ToolError("invalid", f"no such {kind[:-1]}", where=self.kind)

    def mentions(self, timeout_s: float) -> list[Post]:
        """Posts of others that speak to the account."""
        rows = self.state["posts"].items()
        mine = [name for name, row in rows if row["account"] == self.account]
        return [self._post(name) for name in mine if not self._own(name)]

    def reports(self, timeout_s: float) -> list[Report]:
        """Reports of posts the account moderates."""
        posts, users = self.state["posts"], self.state["users"]
        return [
            Report(
                self.native(name),
                self.native(row["post_id"]),
                self.native(posts[row["post_id"]]["user_id"]),
                users[f"u-{row['by']:03}"]["email"],
                row["claim"],
            )
            for name, row in self.state["reports"].items()
            if posts.get(row["post_id"], {}).get("account") == self.account
        ]

    def inbox(self, timeout_s: float) -> list[Message]:
        """Mails, where the account is one of mail."""
        book = self.state["contacts"]
        return [
            Message(
                self.native(name),
                book[row["contact_id"]]["address"],
                book[row["contact_id"]]["name"],
                row["subject"],
                row["text"],
            )
            for name, row in self.state["messages"].items()
            if self.kind == "mail"
        ]

    def post(self, native: str, timeout_s: float) -> Post:
        """One post."""
        return self._post(self._named(native, "posts"))

    def _post(self, name: str) -> Post:
        row = self.state["posts"][name]
        return Post(
            native=self.native(name),
            author=self.native(row["user_id"]),
            text=row["text"],
            visibility=row["visibility"],
            thread=self._thread(name),
            own=self._own(name),
            quotes=row["quotes"],
        )

    def _own(self, name: str) -> bool:
        return bool(self.state["posts"][name]["user_id"] == self.account)

    def _thread(self, name: str) -> Visibility:
        """The narrowest visibility of the post and everything above it."""
        found: Visibility = "public"
        while name in self.state["posts"]:
            row = self.state["posts"][name]
            found = min(found, row["visibility"], key=lambda v: RANK[v])
            name = row["answers"]
        return found

    def user(self, native: str, timeout_s: float) -> User:
        """One user."""
        row = self.state["users"][self._named(native, "users")]
        handle = self.address(row["handle"])
        shown = {key: row[key] for key in ("name", "email", "phone", "about", "status")}
        return User(native, handle, **shown)

    def say(self, saying: Saying, key: str, timeout_s: float) -> str:
        """A new post p-101, p-102, …, or a new entry s-101, … of what is scheduled."""
        if saying.visibility not in OFFERS[self.kind]:
            found = f"{self.kind} has no {saying.visibility} posts"
            raise ToolError("denied", found, where=self.account)
        if saying.hours and self.kind not in SCHEDULES:
            raise ToolError("denied", f"{self.kind} cannot schedule", where=self.account)
        made = {
            "user_id": self.account,
            "account": self.account,
            "visibility": saying.visibility,
            "answers": self._named(saying.answers, "posts") if saying.answers else "",
            "text": saying.body,
            "quotes": False,
        }
        if saying.hours:
            name = f"s-{FIRST + len(self.state['scheduled'])}"
            self.state["scheduled"][name] = {**made, "hours": saying.hours}
        else:
            taken = [int(post[2:]) for post in self.state["posts"] if post[2:].isdecimal()]
            name = f"p-{max([FIRST - 1, *taken]) + 1}"
            self.state["posts"][name] = made
        self.handles.call(name, self.account, self.native(name))
        return self.native(name)

    def take_back(self, native: str, key: str, timeout_s: float) -> None:
        """The post is gone."""
        name = self._named(native, "posts")
        if not self._own(name):
            raise ToolError("denied", "not a post of the account's own", where=self.kind)
        del self.state["posts"][name]

    def moderate(self, act: Act, native: str, why: str, key: str, timeout_s: float) -> None:
        """Users change their status; posts are the desk's to mark."""
        if not self.state["accounts"][self.account].get("moderates"):
            raise ToolError("denied", "the account is no moderator", where=self.kind)
        if act == "hide" and self.kind not in HIDES:
            raise ToolError("denied", f"{self.kind} cannot hide", where=self.kind)
        after = {"limit": "limited", "unlimit": "active", "suspend": "suspended"}
        if act in after:
            self.state["users"][self._named(native, "users")].update(status=after[act], why=why)

    def mail(self, address: str, subject: str, body: str, key: str, timeout_s: float) -> None:
        """One mail more, e-101, e-102, …"""
        if self.kind != "mail":
            raise ToolError("denied", f"{self.kind} cannot send mail", where=self.account)
        name = f"e-{FIRST + len(self.state['mails'])}"
        self.state["mails"][name] = {"to": address, "subject": subject, "body": body}

    def close(self) -> None:
        """Nothing is held open."""
