"""The ladder: label, hide, limit, suspend, and the way back down.

The network does it where it can; the desk keeps the record either way, because the next rung
stands on it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bb_core.adapters import Adapter, Call
from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.social.desk import Desk
from bb_domains.social.network import Act

Args = Mapping[str, Any]
Note = Callable[[Desk, Args, str], None]
"""Writes down what was done: the desk, the arguments, the author's handle."""


def on_post(act: Act, note: Note) -> Adapter:
    """The tool that does this to a post."""

    def call_(args: Args, call: Call) -> Json:
        desk: Desk = call.world
        account = args["account"]
        native = desk.handles.seen_by(account, args["post_id"])
        why = args.get("label") or args.get("reason") or ""

        def done() -> dict[str, Json]:
            network = desk.network(account)
            author = network.post(native, call.timeout_s).author
            network.moderate(act, native, why, call.key, call.timeout_s)
            note(desk, args, desk.handles.give("u", account, author))
            return {"done": True}

        return desk.once(call, done)

    return call_


def on_user(act: Act) -> Adapter:
    """The tool that does this to a user; the network keeps their status."""

    def call_(args: Args, call: Call) -> Json:
        desk: Desk = call.world
        account = args["account"]
        native = desk.handles.seen_by(account, args["user_id"])

        def done() -> dict[str, Json]:
            why = args.get("reason", "")
            desk.network(account).moderate(act, native, why, call.key, call.timeout_s)
            return {"done": True}

        return desk.once(call, done)

    return call_


def labelled(desk: Desk, args: Args, author: str) -> None:
    """One label more on the post, one more on its author's record."""
    labels = _marks(desk, args)["labels"]
    if args["label"] not in labels:
        labels.append(args["label"])
    _count(desk, author, "labelled", 1)


def unlabelled(desk: Desk, args: Args, author: str) -> None:
    """The label is off, and off the record."""
    labels = _marks(desk, args)["labels"]
    if args["label"] not in labels:
        raise ToolError("conflict", f"{args['post_id']} is not labelled {args['label']}")
    labels.remove(args["label"])
    _count(desk, author, "labelled", -1)


def hidden(desk: Desk, args: Args, author: str) -> None:
    """The post is hidden, and that is on record."""
    _marks(desk, args).update(hidden=True, why=args["reason"])
    _count(desk, author, "hides", 1)


def shown(desk: Desk, args: Args, author: str) -> None:
    """The post is shown again, and off the record."""
    _marks(desk, args).update(hidden=False, why="")
    _count(desk, author, "hides", -1)


def _marks(desk: Desk, args: Args) -> dict[str, Any]:
    found: dict[str, Any] = desk.state["marks"].setdefault(
        args["post_id"], {"labels": [], "hidden": False, "why": ""}
    )
    return found


def _count(desk: Desk, author: str, what: str, by: int) -> None:
    record = desk.state["record"].setdefault(author, {"labelled": 0, "hides": 0})
    record[what] = max(0, record[what] + by)
