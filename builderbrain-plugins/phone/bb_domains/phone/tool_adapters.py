"""The phone's tools. Imported only when a checked plan is about to run.

Every tool finds what it touches anew, through its driver, and says what the screen showed
afterwards; whether that is what was expected is for the schema's promises. A commit touches the one
control that commits this way, and once it is touched no fault says that nothing happened. Not
covered: a control that says one thing and does another.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bb_core.adapters import Adapters, Call
from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.phone import money, numbers
from bb_domains.phone.commits import Commit, commit
from bb_domains.phone.previews import PREVIEWS
from bb_domains.phone.screen import SWITCHES, Node, Screen
from bb_domains.phone.touch import touched
from bb_domains.phone.world import PhoneWorld, connect, twin

Args = Mapping[str, Any]
LONGEST, MOST_NODES = 400, 400
"""What of a screen fits into a result: of each text its beginning, and so many things."""

PATIENCE = 0.6
"""The part of a tool's time that it may wait for what it expects."""


def look(args: Args, call: Call) -> Json:
    """What the app shows; nothing but its name where another is in front."""
    world: PhoneWorld = call.world
    found = world.look(call.timeout_s * PATIENCE)
    front = found.app == args["app"]
    shown = found if front else Screen(args["app"])
    total = next((money.read(n.value) for n in shown.all("status:Total")), None)
    nodes: list[Json] = [_node(args["app"], node) for node in shown.nodes]
    if len(nodes) > MOST_NODES:
        raise ToolError("limit", f"{len(nodes)} things on the screen", where=args["app"])
    return {
        "app": args["app"],
        "front": front,
        "title": shown.title[:LONGEST],
        "nodes": nodes,
        "total_cents": total[0] if total else -1,
        "currency": total[1] if total else "",
    }


def _node(app: str, node: Node) -> Json:
    key, value = node.key[:LONGEST], node.value[:LONGEST]
    return {"key": key, "value": value, "commit": commit(app, node)}


def check_number(args: Args, call: Call) -> Json:
    """The kind of a number, dialled from where the phone is."""
    world: PhoneWorld = call.world
    return {
        "number": args["number"],
        "kind": numbers.kind(args["number"], world.driver.region()),
    }


def find_contact(args: Args, call: Call) -> Json:
    """The number of the first person of this name, and how many there are."""
    world: PhoneWorld = call.world
    found = [one.number for one in world.driver.contacts() if one.name == args["name"]]
    if not found:
        raise ToolError("invalid", f"nobody in the address book is called {args['name']!r}")
    return {"name": args["name"], "number": found[0], "matches": len(found)}


def last_message(args: Args, call: Call) -> Json:
    """The last message from a number."""
    world: PhoneWorld = call.world
    text = world.driver.last_message(args["number"])
    return {"number": args["number"], "text": text[:LONGEST]}


def _one(args: Args, call: Call) -> Node:
    world: PhoneWorld = call.world
    screen = world.look(call.timeout_s * PATIENCE)
    found = screen.all(args["on"]) if screen.app == args["app"] else []
    if len(found) != 1:
        raise ToolError(
            "conflict", f"{len(found)} of {args['on']!r} on the screen", where=call.step
        )
    return found[0]


def read(args: Args, call: Call) -> Json:
    """The text of one thing."""
    node = _one(args, call)
    return {"on": args["on"], "value": (node.value or node.name)[:LONGEST]}


def is_on(args: Args, call: Call) -> Json:
    """The state of one switch."""
    node = _one(args, call)
    if node.role not in SWITCHES:
        raise ToolError("invalid", f"{args['on']!r} is no switch", where=call.step)
    return {"on": args["on"], "state": node.value == "on"}


def _seen(args: Args, call: Call, *, app: str = "") -> Json:
    """Whether the sight comes; what was touched may have brought another app to the front."""
    world: PhoneWorld = call.world
    seen = world.comes(
        lambda screen: app in ("", screen.app) and screen.sees(args["see"]),
        call.timeout_s * PATIENCE,
    )
    return {"app": args["app"], "see": args["see"], "seen": seen}


def expect(args: Args, call: Call) -> Json:
    """Look until the sight is there, in this app."""
    return _seen(args, call, app=args["app"])


def open_app(args: Args, call: Call) -> Json:
    """Open, then look."""
    call.world.driver.open(args["app"])
    return expect(args, call)


def tap(args: Args, call: Call) -> Json:
    """Touch, then look."""
    return touched(call.world.aim(args["on"]), lambda: _seen(args, call))


def back(args: Args, call: Call) -> Json:
    """Go back, then look."""
    call.world.driver.back()
    return _seen(args, call)


def type_text(args: Args, call: Call) -> Json:
    """Type, then read the field back."""
    world: PhoneWorld = call.world
    world.fill(args["into"], args["text"])
    found = world.look(call.timeout_s * PATIENCE).all(args["into"])
    held = found[0].value if len(found) == 1 else ""
    if held != args["text"]:
        raise ToolError("conflict", f"the field does not hold what was typed into {args['into']!r}")
    return {"app": args["app"], "into": args["into"], "text": held}


def fill_secret(args: Args, call: Call) -> Json:
    """Let the phone fill it in."""
    call.world.fill_secret(args["into"], args["secret"])
    return {"app": args["app"], "into": args["into"]}


def _commits(
    kind: Commit, done: str, shows: Callable[[Screen, Args], bool]
) -> Callable[[Args, Call], Json]:
    """A tool that touches the one control that commits this way, and says whether it shows."""

    def act(args: Args, call: Call) -> Json:
        world: PhoneWorld = call.world
        nodes = world.look(call.timeout_s * PATIENCE).nodes
        found = [node for node in nodes if commit(args["app"], node) == kind]
        if len(found) != 1:
            raise ToolError("conflict", f"{len(found)} controls commit this way", where=call.step)
        shown = touched(
            world.aim(found[0].key),
            lambda: world.comes(lambda screen: shows(screen, args), call.timeout_s * PATIENCE),
        )
        return {**args, done: shown}

    return act


def _sent(screen: Screen, args: Args) -> bool:
    mine = [node.value for node in screen.all("note:You")]
    return screen.sees(f"status:Number={args['number']}") and mine[-1:] == [args["body"]]


def _calling(screen: Screen, args: Args) -> bool:
    return screen.title == "Calling" and screen.sees(f"status:Number={args['number']}")


def _paid(screen: Screen, args: Args) -> bool:
    return screen.title == "Order placed" and screen.sees(f"note:{args['item']}")


def _gone(screen: Screen, args: Args) -> bool:
    return screen.title != args["name"] and not screen.all(f"link:{args['name']}")


def _live(changes: Mapping[str, Any]) -> PhoneWorld:
    from bb_domains.phone.web.live import live

    return live(changes)


ADAPTERS = Adapters(
    tools={
        "look": look,
        "check_number": check_number,
        "find_contact": find_contact,
        "last_message": last_message,
        "read": read,
        "is_on": is_on,
        "expect": expect,
        "open": open_app,
        "tap": tap,
        "type": type_text,
        "fill_secret": fill_secret,
        "back": back,
        "send_sms": _commits("sms", "sent", _sent),
        "place_call": _commits("call", "calling", _calling),
        "pay": _commits("pay", "paid", _paid),
        "delete": _commits("delete", "gone", _gone),
        "press": tap,
    },
    connect=connect,
    twin=twin,
    previews=PREVIEWS,
    live=_live,
)
"""Every tool but `confirm`: consent is the executor's to ask for."""
