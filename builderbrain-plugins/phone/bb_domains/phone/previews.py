"""What a commit would change, computed from the state it would meet: pure, for whoever consents."""

from collections.abc import Iterator, Mapping
from typing import Any

from bb_core.canonical import Json

Args = Mapping[str, Any]
Diff = dict[str, Json]


def send_sms(args: Args, state: Any) -> Diff:
    """One more message in the thread of this number, which is then in front."""
    number = args["number"]
    thread = state["threads"].get(number)
    place = f"/threads/{number}/messages/{len(thread['messages']) if thread else 0}"
    out: Diff = {} if thread else {f"/threads/{number}/archived": False}
    out |= {f"{place}/from": "me", f"{place}/text": args["body"]}
    return out | _title(state, _called(state, number))


def place_call(args: Args, state: Any) -> Diff:
    """One more call."""
    place = f"/calls/{len(state['calls'])}/number"
    return {place: args["number"], **_title(state, "Calling")}


def pay(args: Args, state: Any) -> Diff:
    """One more order, and an empty basket."""
    last = max((int(ident[1:]) for ident in state["orders"]), default=0)
    order = f"/orders/o{last + 1}"
    gone: Diff = {f"/basket/{place}": None for place in range(len(state["basket"]))}
    made: Diff = {"item": args["item"], "cents": args["cents"], "state": "placed"}
    placed = {f"{order}/{key}": value for key, value in made.items()}
    return gone | placed | _title(state, "Order placed")


def delete(args: Args, state: Any) -> Diff:
    """The one thing with this title is gone."""
    kind, front = _KINDS[args["app"]]
    found = [ident for ident, title in _titles(state, kind) if title == args["name"]]
    gone: Diff = {f"/{kind}/{ident}": None for ident in found[:1]}
    return gone | _title(state, front)


_KINDS = {
    "messages": ("threads", "Messages"),
    "contacts": ("contacts", "Contacts"),
    "calendar": ("events", "Calendar"),
}


def _titles(state: Any, kind: str) -> Iterator[tuple[str, str]]:
    for ident, one in state[kind].items():
        match kind:
            case "threads":
                yield ident, _called(state, ident)
            case "contacts":
                yield ident, one["name"]
            case _:
                yield ident, one["title"]


def _called(state: Any, number: str) -> str:
    found = [c["name"] for c in state["contacts"].values() if c["number"] == number]
    return str(found[0]) if found else number


def _title(state: Any, title: str) -> Diff:
    return {} if state["front"]["title"] == title else {"/front/title": title}


PREVIEWS = {"send_sms": send_sms, "place_call": place_call, "pay": pay, "delete": delete}
