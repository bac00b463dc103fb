"""The tools that speak: drafts, posts, answers and mail. Each intent is carried out once."""

from collections.abc import Mapping
from typing import Any

from bb_core.adapters import Call
from bb_core.canonical import Json
from bb_domains.social.desk import Desk
from bb_domains.social.handles import handle
from bb_domains.social.network import Saying
from bb_domains.social.reads import get_contact

Args = Mapping[str, Any]


def draft(args: Args, call: Call) -> Json:
    """Keep a text; the same text for the same account is the same draft, sent or not."""
    desk: Desk = call.world
    account = args["account"]
    desk.account(account)
    body = " ".join(filter(None, (args["text"], args.get("link"))))
    name = handle("d", account, body)

    def act() -> dict[str, Json]:
        desk.state["drafts"].setdefault(name, {"account": account, "body": body, "sent": False})
        return {"draft_id": name, "body": body}

    return desk.once(call, act)


def discard_draft(args: Args, call: Call) -> Json:
    """Throw a draft away; one that has gone out stays, so that it does not go out again."""
    desk: Desk = call.world

    def act() -> dict[str, Json]:
        kept = desk.state["drafts"].get(args["draft_id"])
        if kept and not kept["sent"]:
            del desk.state["drafts"][args["draft_id"]]
        return {"done": True}

    return desk.once(call, act)


def publish(args: Args, call: Call) -> Json:
    """Publish the body now."""
    return _say(args, call, Saying(args["body"], args["visibility"]), "p", "post_id")


def schedule(args: Args, call: Call) -> Json:
    """Have the network publish the body later."""
    saying = Saying(args["body"], args["visibility"], hours=args["hours"])
    return _say(args, call, saying, "s", "schedule_id")


def reply(args: Args, call: Call) -> Json:
    """Answer a post that has been fetched for this very account."""
    native = call.world.handles.seen_by(args["account"], args["post_id"])
    saying = Saying(args["body"], args["visibility"], answers=native)
    return _say(args, call, saying, "p", "post_id")


def _say(args: Args, call: Call, saying: Saying, kind: str, field: str) -> Json:
    desk: Desk = call.world
    account = args["account"]

    def act() -> dict[str, Json]:
        native = desk.network(account).say(saying, call.key, call.timeout_s)
        _used(desk, args)
        return {field: desk.handles.give(kind, account, native)}

    return desk.once(call, act)


def delete_post(args: Args, call: Call) -> Json:
    """Take a post of our own back."""
    desk: Desk = call.world
    account = args["account"]
    native = desk.handles.seen_by(account, args["post_id"])

    def act() -> dict[str, Json]:
        desk.network(account).take_back(native, call.key, call.timeout_s)
        return {"done": True}

    return desk.once(call, act)


def send_mail(args: Args, call: Call) -> Json:
    """Mail the body to the contact; the address is looked up here and shown to nobody."""
    desk: Desk = call.world
    account = args["account"]
    contact: Any = get_contact(args, call)

    def act() -> dict[str, Json]:
        network = desk.network(account)
        network.mail(contact["address"], args["subject"], args["body"], call.key, call.timeout_s)
        _used(desk, args)
        return {"done": True}

    return desk.once(call, act)


def _used(desk: Any, args: Args) -> None:
    """The account has spoken, or will, and the draft has gone out."""
    desk.speak(args["account"], args.get("hours", 0))
    if args["draft_id"] in desk.state["drafts"]:
        desk.state["drafts"][args["draft_id"]]["sent"] = True


def handoff(args: Args, call: Call) -> Json:
    """Put the case before a person."""
    desk: Desk = call.world
    name = handle("h", args["summary"])

    def act() -> dict[str, Json]:
        desk.state["handoffs"][name] = args["summary"]
        return {"handoff_id": name}

    return desk.once(call, act)
