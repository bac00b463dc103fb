"""What stands where in the cell, who may be where, and the limits a motion keeps.

The arm is in the middle of a table. Three fenced pens lie around it, each with a gate to the hall;
the gates of the pens that a motion comes near are locked while it lasts. People are in the hall or
in a pen. Positions are millimetres from the foot of the column, x to the front, y to the left.
"""

from collections.abc import Mapping

from bb_domains.robots.cell.geometry import Area, Capsule, Point

PLACES: Mapping[str, Point] = {
    "home": (300.0, 0.0, 400.0),
    "rack": (-140.0, 560.0, 90.0),
    "shelf": (150.0, 570.0, 160.0),
    "tray": (560.0, -130.0, 40.0),
    "hatch": (600.0, 130.0, 100.0),
    "bench": (150.0, -570.0, 40.0),
    "vise": (-140.0, -560.0, 80.0),
    "scale": (-400.0, 360.0, 50.0),
    "bin": (-400.0, -360.0, 120.0),
}
ROOM: Mapping[str, int] = {"rack": 3, "shelf": 3, "tray": 4, "bench": 4, "vise": 1, "scale": 1}
"""How many objects fit; a place that is not here holds none."""

PENS: Mapping[str, Area] = {
    "front": Area(850.0, 2050.0, -850.0, 850.0),
    "left": Area(-850.0, 1250.0, 850.0, 2050.0),
    "right": Area(-850.0, 1250.0, -2050.0, -850.0),
}
HALL = (
    Area(2050.0, 5050.0, -3000.0, 3000.0),
    Area(1250.0, 2050.0, 850.0, 3000.0),
    Area(1250.0, 2050.0, -3000.0, -850.0),
)
PILLAR = Capsule((390.0, 390.0, 0.0), (390.0, 390.0, 130.0), 40.0)
"""A fixture between the front and the left side; the arm travels above it."""

TRAVEL = 300.0
"""The height at which the tip goes from place to place."""

SPEEDS: Mapping[str, float] = {"slow": 150.0, "normal": 400.0, "fast": 800.0}
"""No point of the arm moves faster than this, in mm/s."""

PERSON_RADIUS, WALK = 250.0, 1600.0
"""A body seen from above, and the walking speed of ISO 13855, mm/s."""

SEPARATION, WARN = 300.0, 350.0
"""While the arm moves: nobody nearer than the first; nearer than the second is a near miss."""

NEEDED: Mapping[str, float] = {"slow": 350.0, "normal": 450.0, "fast": 600.0}
"""How far off everybody is sure to stay, for the arm to go at a speed."""

FIXTURES = 20.0
TRACKING = 10.0
"""How far a point of the real arm may be from where the path has it."""

PAYLOAD = 2000
OBJECTS: Mapping[str, tuple[str, int, str]] = {
    "cup": ("rack", 180, ""),
    "bowl": ("rack", 420, ""),
    "can": ("shelf", 350, ""),
    "jar": ("shelf", 600, ""),
    "gear": ("tray", 900, ""),
    "bolt": ("tray", 60, ""),
    "box": ("bench", 1200, ""),
    "knife": ("bench", 150, "sharp"),
    "anvil": ("vise", 4500, ""),
    "cell": ("scale", 240, "scrap"),
}
"""Each object's place, weight in grams, and what is special about it."""
