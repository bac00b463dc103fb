"""What a social network is to the desk: posts, users, reports and mail, by the network's own ids.

A network that cannot do something says so with `denied`; it never does something like it instead.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from bb_core.errors import ToolError

Visibility = Literal["direct", "followers", "public"]
RANK: dict[str, int] = {"direct": 0, "followers": 1, "public": 2}

OFFERS: dict[str, tuple[Visibility, ...]] = {
    "mastodon": ("direct", "followers", "public"),
    "atproto": ("public",),
    "matrix": ("direct", "followers", "public"),
    "mail": (),
}
"""The visibilities a network knows; a Matrix room has one, which the room itself says."""

HIDES, SCHEDULES = ("atproto",), ("mastodon",)
"""The networks on which a post can be hidden and shown again, and those that publish later."""

Act = Literal["label", "unlabel", "hide", "unhide", "limit", "unlimit", "suspend"]


@dataclass(frozen=True, slots=True)
class Post:
    """A post as its network shows it. `thread` is the narrowest visibility above and at it."""

    native: str
    author: str
    text: str
    visibility: Visibility
    thread: Visibility
    own: bool = False
    quotes: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """A user as their network shows them; fields it does not show are empty."""

    native: str
    handle: str
    name: str = ""
    email: str = ""
    phone: str = ""
    about: str = ""
    status: Literal["active", "limited", "suspended"] = "active"


@dataclass(frozen=True, slots=True)
class Report:
    """A user's report of a post to the moderators."""

    native: str
    post: str
    user: str
    reporter: str
    claim: str


@dataclass(frozen=True, slots=True)
class Message:
    """A mail to the account."""

    native: str
    address: str
    name: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Saying:
    """What is to be published: where it answers (a native id, or empty), and how long to wait."""

    body: str
    visibility: Visibility
    answers: str = ""
    hours: int = 0


class Network(Protocol):
    """One account's view of its network. Every method raises ToolError and nothing else.

    `key` is the business idempotency key: what was done under it is not done again.
    """

    def mentions(self, timeout_s: float) -> list[Post]:
        """The newest posts that speak to the account."""
        ...

    def reports(self, timeout_s: float) -> list[Report]:
        """The open reports to the account's moderators."""
        ...

    def inbox(self, timeout_s: float) -> list[Message]:
        """The newest mails to the account."""
        ...

    def post(self, native: str, timeout_s: float) -> Post:
        """One post."""
        ...

    def user(self, native: str, timeout_s: float) -> User:
        """One user."""
        ...

    def say(self, saying: Saying, key: str, timeout_s: float) -> str:
        """Publish, or answer, now or later; the native id of the post, or of what is scheduled."""
        ...

    def take_back(self, native: str, key: str, timeout_s: float) -> None:
        """Delete a post of the account's own."""
        ...

    def moderate(self, act: Act, native: str, why: str, key: str, timeout_s: float) -> None:
        """Do this to a post (label, hide) or a user (limit, suspend); `why` is the label."""
        ...

    def mail(self, address: str, subject: str, body: str, key: str, timeout_s: float) -> None:
        """Send a mail."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class Unable:
    """A network that can do nothing: what each real one starts from, and says of the rest."""

    kind = "this network"

    def mentions(self, timeout_s: float) -> list[Post]:
        """Not here."""
        raise self.cannot("list mentions")

    def reports(self, timeout_s: float) -> list[Report]:
        """Not here."""
        raise self.cannot("list reports")

    def inbox(self, timeout_s: float) -> list[Message]:
        """Not here."""
        raise self.cannot("list mails")

    def post(self, native: str, timeout_s: float) -> Post:
        """Not here."""
        raise self.cannot("show posts")

    def user(self, native: str, timeout_s: float) -> User:
        """Not here."""
        raise self.cannot("show users")

    def say(self, saying: Saying, key: str, timeout_s: float) -> str:
        """Not here."""
        raise self.cannot("publish")

    def take_back(self, native: str, key: str, timeout_s: float) -> None:
        """Not here."""
        raise self.cannot("take back")

    def moderate(self, act: Act, native: str, why: str, key: str, timeout_s: float) -> None:
        """Not here."""
        raise self.cannot(act)

    def mail(self, address: str, subject: str, body: str, key: str, timeout_s: float) -> None:
        """Not here."""
        raise self.cannot("send mail")

    def close(self) -> None:
        """Nothing is held open."""

    def cannot(self, what: str) -> ToolError:
        """The error for what this network does not have."""
        return ToolError("denied", f"{self.kind} cannot {what}", where=self.kind)
