"""What each tool does in a cell. Every function takes the cell and the step's arguments."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.robots.cell.layout import NEEDED, OBJECTS, SPEEDS
from bb_domains.robots.cell.path import Way
from bb_domains.robots.cell.swept import Survey
from bb_domains.robots.cell.world import CellWorld

ARM = "r1"
LOOK = 0.2
"""Seconds between two looks while waiting."""
CLOSING = 1.0
"""Seconds the fingers take."""
HAND = 900.0
"""Somebody whose body is this near to the hatch, mm, can take what is held out there."""

Tool = Callable[[CellWorld, Mapping[str, Any]], Json]


def sense(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """The arm as its own sensors have it."""
    return {
        "arm": ARM,
        "free": not cell.holding,
        "holding": cell.holding or "nothing",
        "stopped": cell.stopped,
    }


def locate(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """An object as the camera and the parts list have it; `place` only where it lies at one."""
    name = str(args["object"])
    where, (_, grams, special) = cell.objects[name], OBJECTS[name]
    found: dict[str, Json] = {"object": name, "grams": grams, "where": where}
    found |= {"sharp": special == "sharp", "scrap": special == "scrap"}
    return found | ({"place": where} if where not in ("gripper", "person", "bin") else {})


def read_label(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """What somebody stuck onto an object."""
    name = str(args["object"])
    label = cell.labels.get(name, {})
    told: dict[str, Json] = {"text": label.get("text", ""), "place": label.get("place", "rack")}
    return {"object": name, "belongs_with": label.get("belongs_with", name), **told}


def survey_way(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """What can be said of the way to a place before it is gone, with people where they are now."""
    place = str(args["place"])
    found = cell.look(place)
    told: dict[str, Json] = {
        "place": place,
        "inside": found is not None,
        "stopped": cell.stopped,
        "room": max(0, cell.room(place)),
    }
    return told | (_told(*found) if found else _nothing())


def _told(path: Way, seen: Survey) -> dict[str, Json]:
    return {
        "occupied": seen.occupied,
        "fixture_mm": math.floor(seen.fixtures),
        "clearance_mm": {name: math.floor(mm) for name, mm in seen.clearance.items()},
        "seconds": {name: math.ceil(path.length / speed) for name, speed in SPEEDS.items()},
    }


def _nothing() -> dict[str, Json]:
    none: Json = dict.fromkeys(SPEEDS, 0)
    return {"occupied": False, "fixture_mm": 0, "clearance_mm": none, "seconds": none}


def wait_clear(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """Wait until the way to a place is clear for going slowly, or the time is up."""
    place, left = str(args["place"]), float(args["seconds"])
    while not (clear := _clear(cell, place)) and left > 0:
        cell.pass_time(LOOK)
        left -= LOOK
    return {"place": place, "clear": clear}


def _clear(cell: CellWorld, place: str) -> bool:
    found = cell.look(place)
    if found is None:
        return False
    return not found[1].occupied and found[1].clearance["slow"] >= NEEDED["slow"]


def move_to(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """Go to a place; not reached if the watch halted the arm."""
    _running(cell)
    place = str(args["place"])
    return {"place": place, "reached": cell.move(place, str(args["speed"]))}


def pick(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """Close the fingers on an object at the place the arm is at; not held if it slipped."""
    _running(cell)
    name, place = str(args["object"]), str(args["place"])
    cell.pass_time(CLOSING)
    there = cell.at == place == cell.objects[name] and not cell.holding
    held = there and not cell.slips.get(name) and cell.body.grips(name)
    if there and cell.slips.get(name):
        cell.slips[name] -= 1
    if held:
        cell.objects[name], cell.holding = "gripper", name
    return {"arm": ARM, "object": name, "held": held}


def put(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """Open the fingers over a place."""
    return _released(cell, args, str(args["place"]))


def drop(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """Let go of what is held over the bin; nobody gets it out again."""
    return _released(cell, args, "bin")


def _released(cell: CellWorld, args: Mapping[str, Any], to: str) -> Json:
    _running(cell)
    name = str(args["object"])
    if cell.holding != name or cell.at != args["place"]:
        found = f"holding {cell.holding or 'nothing'} at {cell.at or 'no place'}"
        raise ToolError("conflict", found, where="robots")
    cell.pass_time(CLOSING)
    cell.objects[name], cell.holding = to, ""
    cell.body.releases(name, to)
    return {"arm": ARM, "object": name, "place": str(args["place"])}


def handover(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """Hold an object out at the hatch, the arm at rest, until somebody takes it or time is up."""
    _running(cell)
    name, left = str(args["object"]), float(args["seconds"])
    if cell.holding != name or cell.at != args["place"]:
        raise ToolError("conflict", f"holding {cell.holding or 'nothing'}", where="robots")
    while not (taken := _somebody(cell, str(args["place"]))) and left > 0:
        cell.pass_time(LOOK)
        left -= LOOK
    cell.handovers.append(f"{name} {args['seconds']} s{'' if taken else ' in vain'}")
    if taken:
        cell.objects[name], cell.holding = "person", ""
        cell.body.releases(name, "person")
    return {"arm": ARM, "object": name, "taken": taken}


def _somebody(cell: CellWorld, place: str) -> bool:
    x, y, _ = cell.tip
    return any(math.dist((x, y), spot) <= HAND for spot in cell.spots)


def stop(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """Halt the arm where it is; nothing is needed for that, and twice is as good as once."""
    cell.stopped = True
    return {"stopped": True}


def restart(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """Let the arm move again."""
    cell.stopped = False
    return {"stopped": False}


def alert(cell: CellWorld, args: Mapping[str, Any]) -> Json:
    """Call somebody, and say why."""
    cell.alerts.append(str(args["reason"]))
    return {"alerts": len(cell.alerts)}


def _running(cell: CellWorld) -> None:
    if cell.stopped:
        raise ToolError("denied", "the arm has been stopped", where="robots", fix="restart it")


TOOLS: Mapping[str, Tool] = {
    "sense": sense,
    "locate": locate,
    "read_label": read_label,
    "survey": survey_way,
    "wait_clear": wait_clear,
    "move_to": move_to,
    "pick": pick,
    "put": put,
    "drop": drop,
    "handover": handover,
    "stop": stop,
    "restart": restart,
    "alert": alert,
}
"""Every tool but `confirm`: consent is the executor's to ask for, so no plan can give it."""
