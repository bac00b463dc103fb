"""The cell as MuJoCo's own XML, made from the same figures as the checker's geometry; metres.

Objects touch pads and table but not each other: several lie at one place, which has one spot.
"""

from collections.abc import Mapping

from bb_domains.robots.cell.arm import COLUMN, FORE, RADII, SHOULDER, TOOL, UPPER
from bb_domains.robots.cell.layout import OBJECTS, PERSON_RADIUS, PILLAR, PLACES
from bb_domains.robots.cell.world import spot_of

HALF_OBJECT = 25.0
"""Half the side of an object, mm; the fingers hold it by its middle."""
FLOOR, HEAD = -750.0, 1050.0
GONE = (-3.0, -3.0, -0.7)
"""Where an object is that has left the cell."""

MJCF = """<mujoco model="cell">
  <compiler angle="radian"/>
  <option timestep="0.002" integrator="implicitfast"/>
  <default>
    <geom contype="0" conaffinity="0" rgba=".75 .77 .8 1"/>
    <joint damping="1" armature=".1"/>
    <position kp="4000" dampratio="1"/>
  </default>
  <worldbody>
    <light pos="1.5 -1.5 3" dir="-.4 .4 -1"/>
    <geom name="floor" type="plane" pos="0 0 {floor}" size="6 6 .1" rgba=".35 .38 .42 1"/>
    <geom name="table" type="box" pos="0 0 -.03" size=".8 .8 .03"
          contype="1" conaffinity="1" rgba=".8 .72 .6 1"/>
    <geom name="column" type="capsule" fromto="0 0 0 0 0 {shoulder}" size="{column}"/>
    <geom name="pillar" type="capsule" fromto="{pillar}" size="{pillar_r}" rgba=".4 .4 .5 1"/>
{pads}
    <body name="turn" gravcomp="1">
      <inertial pos="0 0 {shoulder}" mass="4" diaginertia=".05 .05 .05"/>
      <joint name="yaw" axis="0 0 1"/>
      <body name="upper" pos="0 0 {shoulder}" gravcomp="1">
        <joint name="upper" axis="0 -1 0"/>
        <geom name="upper" type="capsule" fromto="0 0 0 {upper} 0 0" size="{r_upper}"
              mass="3" rgba=".9 .5 .1 1"/>
        <body name="fore" pos="{upper} 0 0" gravcomp="1">
          <joint name="fore" axis="0 -1 0"/>
          <geom name="fore" type="capsule" fromto="0 0 0 {fore} 0 0" size="{r_fore}"
                mass="2" rgba=".9 .5 .1 1"/>
          <body name="tool" pos="{fore} 0 0" gravcomp="1">
            <joint name="wrist" axis="0 -1 0"/>
            <geom name="tool" type="capsule" fromto="0 0 0 0 0 -{tool}" size="{r_tool}"
                  mass=".8" rgba=".3 .3 .35 .6"/>
            <site name="tip" pos="0 0 -{tool}" size=".01"/>
            <body name="finger" pos="0 .03 -{tool}" gravcomp="1">
              <joint name="finger" type="slide" axis="0 1 0" range="-.02 .02" damping="2"/>
              <geom type="box" size=".01 .006 .03" mass=".05" rgba=".1 .1 .1 1"/>
            </body>
          </body>
        </body>
      </body>
    </body>
{objects}
{people}
  </worldbody>
  <equality>
{holds}
  </equality>
  <actuator>
    <position joint="yaw"/>
    <position joint="upper"/>
    <position joint="fore"/>
    <position joint="wrist"/>
    <position joint="finger" kp="200"/>
  </actuator>
</mujoco>
"""


def mjcf(objects: Mapping[str, str], people: int) -> str:
    """The model with these objects at these places and so many people."""
    return MJCF.format(
        floor=_m(FLOOR),
        shoulder=_m(SHOULDER),
        column=_m(COLUMN.radius),
        pillar=" ".join(_m(v) for v in (*PILLAR.a, *PILLAR.b)),
        pillar_r=_m(PILLAR.radius),
        upper=_m(UPPER),
        fore=_m(FORE),
        tool=_m(TOOL),
        **{f"r_{name}": _m(radius) for name, radius in RADII.items()},
        pads="\n".join(map(_pad, PLACES)),
        objects="\n".join(_object(name, place) for name, place in objects.items()),
        people="\n".join(map(_person, range(people))),
        holds="\n".join(
            f'    <weld name="hold-{name}" body1="tool" body2="{name}" active="false"/>'
            for name in objects
        ),
    )


def at_place(place: str) -> tuple[float, float, float]:
    """Where an object at a place has its middle, metres."""
    if place not in PLACES and "," not in place:
        return GONE
    x, y, z = spot_of(place)
    return x / 1000, y / 1000, z / 1000


def _pad(place: str) -> str:
    x, y, z = at_place(place)
    half = (z - _m_of(HALF_OBJECT)) / 2
    if half <= 0 or place in ("home", "bin"):
        return ""
    return (
        f'    <geom name="pad-{place}" type="box" pos="{x} {y} {half:.4f}" '
        f'size=".06 .06 {half:.4f}" contype="1" conaffinity="1" rgba=".5 .6 .7 1"/>'
    )


def _object(name: str, place: str) -> str:
    x, y, z = at_place(place)
    half, mass = _m(HALF_OBJECT), OBJECTS[name][1] / 1000
    return (
        f'    <body name="{name}" pos="{x} {y} {z}"><freejoint/>'
        f'<geom type="box" size="{half} {half} {half}" mass="{mass}" contype="2" conaffinity="1" '
        'rgba=".2 .5 .3 1"/></body>'
    )


def _person(number: int) -> str:
    low, high, r = FLOOR + PERSON_RADIUS, HEAD - PERSON_RADIUS, _m(PERSON_RADIUS)
    return (
        f'    <body name="person-{number}" mocap="true" pos="0 0 0">'
        f'<geom name="person-{number}" type="capsule" fromto="0 0 {_m(low)} 0 0 {_m(high)}" '
        f'size="{r}" rgba=".25 .4 .8 1"/></body>'
    )


def _m(mm: float) -> str:
    return f"{_m_of(mm):.4f}"


def _m_of(mm: float) -> float:
    return mm / 1000
