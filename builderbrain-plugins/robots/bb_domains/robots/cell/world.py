"""The cell as a world the tools act on: arm, objects, people and gates, with a clock of its own.

The clock runs only while something takes time, so equal calls give equal results, bit for bit.
Not covered: two programs that command one arm; the tools take turns inside one process only.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.robots.cell.arm import joints_at, tip_of
from bb_domains.robots.cell.geometry import Point, Spot
from bb_domains.robots.cell.layout import OBJECTS, PLACES, ROOM, SPEEDS
from bb_domains.robots.cell.motion import BodyMaker, Exact, Motion
from bb_domains.robots.cell.near_miss import NearMisses, near_misses
from bb_domains.robots.cell.path import Way, way
from bb_domains.robots.cell.people import person
from bb_domains.robots.cell.swept import Survey, survey

CHANGES = frozenset({"at", "objects", "people", "slips", "holding", "stopped", "labels"})
ALONE: Sequence[Sequence[Sequence[float]]] = [[[0, 3500, 0]]]
"""Nobody but one person who stands in the hall."""


class CellWorld:
    """One cell. `watched=False` switches the watch over motions off, to see what it would catch."""

    def __init__(self, changes: Mapping[str, Any], body: BodyMaker = Exact) -> None:
        if unknown := sorted(set(changes) - CHANGES):
            fix = f"known: {', '.join(sorted(CHANGES))}"
            raise ToolError("invalid", f"unknown change {unknown[0]!r}", where="robots", fix=fix)
        self.lock = threading.RLock()
        self.at, self.holding = str(changes.get("at", "home")), str(changes.get("holding", ""))
        self.stopped = bool(changes.get("stopped", False))
        self.objects = {name: place for name, (place, _, _) in OBJECTS.items()}
        self.objects |= dict(changes.get("objects", {}))
        if self.holding:
            self.objects[self.holding] = "gripper"
        self.labels: dict[str, Mapping[str, str]] = dict(changes.get("labels", {}))
        self.slips: dict[str, int] = dict(changes.get("slips", {}))
        self.people = [person(corners) for corners in changes.get("people", ALONE)]
        self.alerts: list[Json] = []
        self.moves: list[Json] = []
        self.handovers: list[Json] = []
        self.figures = NearMisses()
        self.watched, self.clock, self.near, self.contacts = True, 0.0, 0, 0
        self.q = joints_at(spot_of(self.at))
        self.body = body(self.q, self.objects, len(self.people))

    def snapshot(self) -> Json:
        """Everything a task can change, and every harm a motion did."""
        with self.lock:
            return {
                "arm": {"at": self.at, "holding": self.holding, "stopped": self.stopped},
                "objects": dict(self.objects),
                "alerts": list(self.alerts),
                "moves": list(self.moves),
                "handovers": list(self.handovers),
                "near_misses": self.near,
                "contacts": self.contacts,
            }

    def close(self) -> None:
        """Nothing is held."""

    def pass_time(self, seconds: float, locked: Collection[str] = ()) -> list[Spot]:
        """Let people walk on; where they are then."""
        self.clock += seconds
        for one in self.people:
            one.walk(self.clock, seconds, locked)
        return self.spots

    @property
    def tip(self) -> Point:
        """Where the tool's tip is."""
        return tip_of(self.q)

    @property
    def spots(self) -> list[Spot]:
        """Where people are."""
        return [one.spot for one in self.people]

    def way_to(self, place: str) -> Way | None:
        """The way from here; None where the place is outside the workspace."""
        try:
            return way(self.q, spot_of(place))
        except ValueError:
            return None

    def look(self, place: str) -> tuple[Way, Survey] | None:
        """The way to a place and what can be said of it now; None outside the workspace."""
        path = self.way_to(place)
        return (path, survey(path, self.spots)) if path else None

    def move(self, place: str, speed: str) -> bool:
        """Go to a place with the gates on the way locked; whether it was reached."""
        found = self.look(place)
        if found is None:
            raise ToolError("invalid", f"{place} is outside the workspace", where="move_to")
        path, seen = found
        motion = Motion(
            self.body,
            path,
            SPEEDS[speed],
            self.pass_time,
            seen.locked,
            watched=self.watched,
            stopped=lambda: self.stopped,
        )
        reached = motion.run()
        self.q, self.figures = motion.q, near_misses(motion.samples)
        self.near, self.contacts = (
            self.near + self.figures.episodes,
            self.contacts + self.figures.contacts,
        )
        self.moves.append(f"{place} {speed}" if reached else "halted")
        self.at, self.stopped = place if reached else "", self.stopped or not reached
        return reached

    def room(self, place: str) -> int:
        """How many more objects fit at a place."""
        return ROOM.get(place, 0) - list(self.objects.values()).count(place)


def spot_of(place: str) -> Point:
    """A place's position, or the position it spells: `300,200,250`; raises ValueError."""
    if place in PLACES:
        return PLACES[place]
    x, y, z = map(float, place.split(","))
    return x, y, z
