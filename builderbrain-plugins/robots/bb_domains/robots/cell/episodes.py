"""One motion among people, at random: what the guards said of it, and what then happened.

An episode is a pure function of its seed and of what moves the arm. The watch is off, so that the
guards stand alone; most people head straight for where the arm goes the moment it starts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from bb_core.guards import holds
from bb_core.schema import PlanSchema
from bb_domains.robots.cell.arm import NEAREST, inside
from bb_domains.robots.cell.geometry import Area, Spot
from bb_domains.robots.cell.layout import HALL, PENS, PLACES, SPEEDS, WALK
from bb_domains.robots.cell.motion import BodyMaker, Exact
from bb_domains.robots.cell.near_miss import NearMisses
from bb_domains.robots.cell.tools import survey_way
from bb_domains.robots.cell.world import CellWorld, spot_of

SCHEDULE = 40.0
HEADING = 0.7
"""The share of people who go straight for the arm's goal."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A motion: whether the guards let it pass (else the first that did not), and its figures.

    `bound` is how near the checker thought anybody could come, mm.
    """

    seed: int
    refused_by: str
    bound: int
    figures: NearMisses


def episode(seed: int, schema: PlanSchema, body: BodyMaker = Exact) -> Episode:
    """Draw a cell, a motion and its people; judge the motion; carry it out whatever was said."""
    draw = Random(seed)
    start, goal, speed = draw.choice(list(PLACES)), _goal(draw), draw.choice(list(SPEEDS))
    people = [_schedule(draw, goal) for _ in range(draw.choice((1, 1, 2)))]
    cell = CellWorld({"at": start, "people": people}, body)
    cell.watched = False
    way: Any = survey_way(cell, {"place": goal})
    args = {"place": goal, "speed": speed}
    refused = _first_unmet(schema, {"args": args, "way": way})
    if way["inside"]:
        cell.move(goal, speed)
    return Episode(seed, refused, way["clearance_mm"][speed], cell.figures)


def _first_unmet(schema: PlanSchema, context: Mapping[str, Any]) -> str:
    """The first of the motion's guards that does not hold; empty when all do."""
    guards = schema.tools["move_to"].guards
    return next((g.id for g in guards if not holds(g.expr, context)[0]), "")


def _goal(draw: Random) -> str:
    """A place, or a position in the workspace."""
    if draw.random() < 0.5:
        return draw.choice(list(PLACES))
    while True:
        x, y, z = draw.randint(-700, 700), draw.randint(-700, 700), draw.randint(30, 480)
        if inside((x, y, z)) and x * x + y * y > (NEAREST + 20) ** 2:
            return f"{x},{y},{z}"


def _schedule(draw: Random, goal: str) -> list[list[float]]:
    """Where somebody wants to be: from somewhere towards the arm, or about the room."""
    area = draw.choice([*PENS.values(), *HALL])
    spot = _within(draw, area)
    if draw.random() < HEADING:
        x, y, _ = spot_of(goal)
        near = min(PENS.values(), key=lambda pen: _far(_nearest(pen, (x, y)), (x, y)))
        target = _nearest(area if draw.random() < 0.6 else near, (x, y))
    else:
        target = _within(draw, draw.choice([area, *PENS.values()]))
    took = max(0.01, _far(spot, target) / (WALK * draw.uniform(0.5, 1.0)))
    begin = draw.choice((0.0, 0.0, draw.uniform(0, 4)))
    return [[begin, *spot], [begin + took, *target], [SCHEDULE, *target]]


def _within(draw: Random, area: Area) -> Spot:
    return draw.uniform(area.west, area.east), draw.uniform(area.south, area.north)


def _nearest(area: Area, spot: Sequence[float]) -> Spot:
    """The spot of an area that is nearest to another."""
    x = min(max(spot[0], area.west), area.east)
    return x, min(max(spot[1], area.south), area.north)


def _far(one: Spot, two: Spot) -> float:
    return float(((one[0] - two[0]) ** 2 + (one[1] - two[1]) ** 2) ** 0.5)
