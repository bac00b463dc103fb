"""The tools that look: accounts, posts, users, reports, mail, the address book and drafts.

What comes out of a labelled field is remembered by the desk, so that no text that holds it goes
out. Reading changes nothing else.
"""

from collections.abc import Mapping
from typing import Any

from bb_core.adapters import Call
from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.social.desk import Desk
from bb_domains.social.links import compared, hosts
from bb_domains.social.network import HIDES, OFFERS, SCHEDULES, Message, Post, Report
from bb_domains.social.readable import readable
from bb_domains.social.self_chosen import account_name, full_name, plain_word

Args = Mapping[str, Any]
MOST, LONGEST = 20, 2000


def get_account(args: Args, call: Call) -> Json:
    """The account, its community's rules, the hour there and how much it has said."""
    desk, name = call.world, args["account"]
    rules = desk.account(name)
    shown = ("network", "widest", "max_chars", "max_per_hour", "quiet_from", "quiet_to")
    return {
        "account": name,
        **{key: rules[key] for key in shown},
        "sent_last_hour": desk.said_this_hour(name),
        "full_hours": desk.full_hours(name),
        "hour": desk.clock.hour(name),
        "moderates": rules.get("moderates", False),
        "visibilities": list(OFFERS[rules["network"]]),
        "can_hide": rules["network"] in HIDES,
        "can_schedule": rules["network"] in SCHEDULES,
        "link_hosts": [compared(host) for host in rules["link_hosts"]],
    }


def fetch_mentions(args: Args, call: Call) -> Json:
    """The newest posts that speak to the account."""
    account = args["account"]
    posts = call.world.network(account).mentions(call.timeout_s)[:MOST]
    shown: list[Json] = [*readable(posts, lambda post: _post(call.world, account, post))]
    call.world.keep()
    return {"posts": shown}


def fetch_reports(args: Args, call: Call) -> Json:
    """The open reports; who made them is remembered and goes nowhere."""
    desk, account = call.world, args["account"]
    reports = desk.network(account).reports(call.timeout_s)[:MOST]
    shown = list(readable(reports, lambda report: _report(desk, account, report)))
    desk.remember(account_name(report.reporter) for report in reports)
    return {"reports": shown}


def _report(desk: Desk, account: str, report: Report) -> Json:
    return {
        "report_id": desk.handles.give("r", account, report.native),
        "post_id": desk.handles.give("p", account, report.post),
        "user_id": desk.handles.give("u", account, report.user),
        "reporter": report.reporter[:LONGEST],
        "claim": report.claim[:LONGEST],
    }


def fetch_inbox(args: Args, call: Call) -> Json:
    """The newest mails; a sender is a contact, in the address book or not."""
    desk, account = call.world, args["account"]
    messages = desk.network(account).inbox(call.timeout_s)[:MOST]
    shown = list(readable(messages, lambda message: _message(desk, account, message)))
    desk.remember(value for m in messages for value in (m.address, full_name(m.name)))
    return {"messages": shown}


def _message(desk: Desk, account: str, message: Message) -> Json:
    return {
        "message_id": desk.handles.give("m", account, message.native),
        "contact_id": _contact_of(desk, account, message.address),
        "subject": message.subject[:LONGEST],
        "text": message.text[:LONGEST],
    }


def get_post(args: Args, call: Call) -> Json:
    """One post, as it is now."""
    account, native = call.world.handles.find(args["post_id"])
    post = call.world.network(account).post(native, call.timeout_s)
    return _post(call.world, account, post)


def _post(desk: Desk, account: str, post: Post) -> dict[str, Json]:
    name = desk.handles.give("p", account, post.native)
    marks = desk.state["marks"].get(name, {})
    return {
        "post_id": name,
        "user_id": desk.handles.give("u", account, post.author),
        "own": post.own,
        "text": post.text[:LONGEST],
        "visibility": post.visibility,
        "thread_visibility": post.thread,
        "labels": list(marks.get("labels", ())),
        "hidden": marks.get("hidden", False),
        "quotes": post.quotes,
    }


def get_user(args: Args, call: Call) -> Json:
    """A user's profile, remembered, and what moderators have done to them."""
    desk, name = call.world, args["user_id"]
    account, native = desk.handles.find(name)
    user = desk.network(account).user(native, call.timeout_s)
    desk.remember([full_name(user.name), user.email, user.phone])
    record = desk.state["record"].get(name, {})
    return {
        "user_id": name,
        "handle": user.handle[:LONGEST],
        "name": user.name[:LONGEST],
        "email": user.email[:LONGEST],
        "phone": user.phone[:LONGEST],
        "about": user.about[:LONGEST],
        "status": user.status,
        "labelled": record.get("labelled", 0),
        "hides": record.get("hides", 0),
    }


def find_contact(args: Args, call: Call) -> Json:
    """The one contact of this name; raises ToolError for none and for several."""
    wanted, book = args["name"].casefold(), call.world.state["contacts"]
    found = [ident for ident, contact in book.items() if contact["name"].casefold() == wanted]
    if len(found) != 1:
        what = f"{len(found)} contacts are called {args['name']!r}"
        fix = f"say which: {', '.join(found)}" if found else "look the name up"
        raise ToolError("conflict" if found else "invalid", what, where="address book", fix=fix)
    return get_contact({"contact_id": found[0]}, call)


def get_contact(args: Args, call: Call) -> Json:
    """A contact of the address book, or one who has written to us."""
    desk, name = call.world, args["contact_id"]
    contact = desk.state["contacts"].get(name)
    if contact is None:
        contact = {"name": "", "address": desk.handles.find(name)[1], "may_mail": True}
        desk.remember([] if plain_word(contact["address"]) else [contact["address"]])
    else:
        desk.remember([contact["name"], contact["address"]])
    return {"contact_id": name, **contact}


def _contact_of(desk: Desk, account: str, address: str) -> str:
    for ident, contact in desk.state["contacts"].items():
        if contact["address"].casefold() == address.casefold():
            return str(ident)
    return desk.handles.give("c", account, address)


def get_draft(args: Args, call: Call) -> Json:
    """A draft, the hosts it points at, and whose data is in it: kinds, never the values."""
    desk, name = call.world, args["draft_id"]
    draft = desk.state["drafts"].get(name)
    if draft is None:
        raise ToolError("invalid", f"no draft {name}", fix="draft the text first")
    shown = {"draft_id": name, "account": draft["account"], "body": draft["body"]}
    return {**shown, **_read(desk, draft["body"]), "sent": draft["sent"]}


def read_text(args: Args, call: Call) -> Json:
    """The hosts a text points at, and whose data is in it: kinds, never the values."""
    return _read(call.world, args["text"])


def _read(desk: Desk, text: str) -> dict[str, Json]:
    kinds = sorted({(found.kind, found.net) for found in desk.findings(text)})
    return {
        "hosts": list(hosts(text)),
        "findings": [{"kind": kind, "net": net} for kind, net in kinds[:40]],
    }


def find_sent(args: Args, call: Call) -> Json:
    """Whether the desk has carried this intent out, and what came of it.

    Raises ToolError where it began to and nobody knows the end.
    """
    sent = call.world.state["sent"]
    if args["key"] in sent:
        return {"happened": True, "result": sent[args["key"]]}
    if args["key"] in call.world.state["begun"]:
        fix = "look at the network whether it went out"
        raise ToolError("conflict", "it was begun, and its end is not known", fix=fix)
    return {"happened": False}
