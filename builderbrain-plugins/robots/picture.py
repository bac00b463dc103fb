"""Draw the cell of README.md as SVG, from the very figures the checker computes with.

usage: python builderbrain-plugins/robots/picture.py > builderbrain-plugins/robots/cell.svg
"""

import sys

from bb_domains.robots.cell.arm import FARTHEST, joints_at, shapes
from bb_domains.robots.cell.geometry import Spot
from bb_domains.robots.cell.layout import PENS, PERSON_RADIUS, PILLAR, PLACES
from bb_domains.robots.cell.path import way
from bb_domains.robots.cell.swept import survey

START, GOAL = "rack", "hatch"
PEOPLE: tuple[Spot, ...] = ((2500.0, 700.0), (200.0, -1500.0))
SCALE, WEST, EAST, SOUTH, NORTH = 0.2, -1000, 3000, -2150, 2150


def main() -> str:
    """The picture, seen from above: front to the right, left up."""
    path = way(joints_at(PLACES[START]), PLACES[GOAL])
    seen = survey(path, PEOPLE)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {at(EAST, 0)[0]:.0f} '
        f'{at(0, SOUTH)[1]:.0f}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#f6f7f9"/>',
        box(-850, 850, -850, 850, "#e8dcc8", "#b9a98c"),
        disc((0, 0), FARTHEST, "none", "#b9a98c"),
    ]
    for name, pen in PENS.items():
        locked = name in seen.locked
        fill, edge = ("#fde2e0", "#d9534f") if locked else ("#e4f3e5", "#4a9d52")
        parts.append(box(pen.west, pen.east, pen.south, pen.north, fill, edge))
        state = "gate locked" if locked else "gate open"
        parts.append(words((pen.west + 40, pen.north - 90), f"{name} pen, {state}", edge))
    moving = [link for _, q in path.samples() for link in shapes(q)]
    parts += [thick(one.a[:2], one.b[:2], one.radius, "#f0a35e", 0.10) for one in moving]
    begin = shapes(path.corners[0])
    parts += [thick(one.a[:2], one.b[:2], one.radius, "#d9822b", 0.95) for one in begin]
    parts.append(disc(PILLAR.a[:2], PILLAR.radius, "#777788", "#555566"))
    for name, (x, y, _) in PLACES.items():
        parts += [disc((x, y), 22, "#355c7d", "white"), words((x + 35, y - 15), name, "#22384d")]
    for spot in PEOPLE:
        parts.append(disc(spot, PERSON_RADIUS, "#5b7fd1", "#2f4f9e"))
    told = ", ".join(f"{speed} {mm:.0f} mm" for speed, mm in seen.clearance.items())
    lines = [
        f"{START} to {GOAL}: swept volume (orange)",
        "nobody can come nearer than",
        told,
        "person in the right pen" if seen.occupied else "nobody in a locked pen",
    ]
    parts += [words((1330, -1000 - 130 * n), line, "#333333") for n, line in enumerate(lines)]
    return "\n".join([*parts, "</svg>"])


def at(x: float, y: float) -> Spot:
    """A spot of the cell on the page."""
    return (x - WEST) * SCALE, (NORTH - y) * SCALE


def box(west: float, east: float, south: float, north: float, fill: str, edge: str) -> str:
    """A floor area."""
    (x, y), wide, high = at(west, north), (east - west) * SCALE, (north - south) * SCALE
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" '
        f'fill="{fill}" stroke="{edge}"/>'
    )


def disc(spot: Spot, radius: float, fill: str, edge: str) -> str:
    """A circle around a spot."""
    x, y = at(*spot)
    r = radius * SCALE
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{fill}" stroke="{edge}"/>'


def thick(a: Spot, b: Spot, radius: float, colour: str, opacity: float) -> str:
    """A link seen from above."""
    (x, y), (u, v) = at(*a), at(*b)
    return (
        f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{u:.1f}" y2="{v:.1f}" stroke="{colour}" '
        f'stroke-width="{2 * radius * SCALE:.1f}" stroke-linecap="round" opacity="{opacity}"/>'
    )


def words(spot: Spot, text: str, colour: str) -> str:
    """A label."""
    x, y = at(*spot)
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}">{text}</text>'


if __name__ == "__main__":
    sys.stdout.write(main() + "\n")
