"""The arm with its dynamics: servos follow the way, gravity pulls, a grip holds what it touches.

Equal calls give equal states, bit for bit: one thread, one time step, no clock but the cell's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bb_core.errors import ToolError
from bb_domains.robots.cell.arm import Joints
from bb_domains.robots.cell.geometry import Spot
from bb_domains.robots.cell.motion import NOBODY
from bb_domains.robots.sim.model import at_place, mjcf

LINKS = ("upper", "fore", "tool")
NEAR_ENOUGH = 0.025
"""The fingers close on an object whose middle is this near to the tip, metres."""
SETTLE = 0.4
"""Seconds the fingers take, and an object to come to rest."""
FARTHEST = 5.0


class SimBody:
    """A body in MuJoCo, with these objects where they are and so many people."""

    def __init__(self, q: Joints, objects: Mapping[str, str], people: int) -> None:
        self.mj = _mujoco()
        self.model = self.mj.MjModel.from_xml_string(mjcf(objects, people))
        self.data = self.mj.MjData(self.model)
        self.wanted = _angles(q)
        self.lag = [
            -float(self.model.actuator_biasprm[n][2]) / float(self.model.actuator_gainprm[n][0])
            for n in range(len(self.wanted))
        ]
        self.data.qpos[:5] = (*_angles(q), 0.0)
        self.data.ctrl[:] = self.data.qpos[:5]
        self.data.mocap_pos[:] = FARTHEST
        self.mj.mj_forward(self.model, self.data)
        for name, place in objects.items():
            if place == "gripper":
                self._place(name, self._tip())
                self.grips(name)
        self._run(SETTLE)

    def follow(self, q: Joints, seconds: float) -> Joints:
        """Let the servos take the joints there, evenly; gives where they are after it."""
        steps = round(seconds / self.model.opt.timestep)
        before, self.wanted = self.wanted, _angles(q)
        for k in range(1, steps + 1):
            for joint, (a, b) in enumerate(zip(before, self.wanted, strict=True)):
                # A servo lags by damping / stiffness seconds; it is told what comes by then.
                lead = self.lag[joint] * (b - a) / seconds
                self.data.ctrl[joint] = a + (b - a) * k / steps + lead
            self.mj.mj_step(self.model, self.data)
        return self.joints

    @property
    def joints(self) -> Joints:
        """Where the joints are."""
        yaw, upper, fore = (float(v) for v in self.data.qpos[:3])
        return Joints(yaw, upper, upper + fore)

    def nearest(self, people: Sequence[Spot]) -> float:
        """The distance from MuJoCo's own geometry, mm."""
        for number, (x, y) in enumerate(people):
            self.data.mocap_pos[number] = (x / 1000, y / 1000, 0.0)
        self.mj.mj_forward(self.model, self.data)
        pairs = ((link, f"person-{n}") for link in LINKS for n in range(len(people)))
        return min((self._gap(*pair) for pair in pairs), default=NOBODY / 1000) * 1000

    def grips(self, name: str) -> bool:
        """Close the fingers; what is between them hangs on the tool from now on."""
        self.data.ctrl[4] = -0.01
        tip, there = self._tip(), self.data.body(name).xpos
        held = sum((a - b) ** 2 for a, b in zip(tip, there, strict=True)) ** 0.5 <= NEAR_ENOUGH
        if held:
            self._weld(name)
        self._run(SETTLE)
        return bool(held)

    def releases(self, name: str, to: str) -> None:
        """Open the fingers; what was held falls where it is, or is taken away."""
        self.data.ctrl[4] = 0.01
        self.data.eq_active[self._hold(name)] = 0
        if to in ("person", "bin"):
            self._place(name, at_place(to))
        self._run(SETTLE)

    def where(self, name: str) -> tuple[float, float, float]:
        """Where an object's middle is, mm."""
        x, y, z = (float(v) * 1000 for v in self.data.body(name).xpos)
        return x, y, z

    def _gap(self, link: str, other: str) -> float:
        one, two = self.model.geom(link).id, self.model.geom(other).id
        return float(self.mj.mj_geomDistance(self.model, self.data, one, two, FARTHEST, None))

    def _tip(self) -> tuple[float, float, float]:
        x, y, z = (float(v) for v in self.data.site("tip").xpos)
        return x, y, z

    def _hold(self, name: str) -> int:
        return int(self.model.equality(f"hold-{name}").id)

    def _weld(self, name: str) -> None:
        """Hold the object as it is to the tool now: its pose in the tool's frame."""
        import numpy

        tool, thing = self.data.body("tool"), self.data.body(name)
        back, place, turn = numpy.zeros(4), numpy.zeros(3), numpy.zeros(4)
        self.mj.mju_negQuat(back, tool.xquat)
        self.mj.mju_rotVecQuat(place, thing.xpos - tool.xpos, back)
        self.mj.mju_mulQuat(turn, back, thing.xquat)
        row = self.model.eq_data[self._hold(name)]
        row[0:3], row[3:6], row[6:10] = 0.0, place, turn
        self.data.eq_active[self._hold(name)] = 1

    def _place(self, name: str, spot: Sequence[float]) -> None:
        joint = self.model.body(name).jntadr[0]
        at, speed = self.model.jnt_qposadr[joint], self.model.jnt_dofadr[joint]
        self.data.qpos[at : at + 7] = (*spot, 1.0, 0.0, 0.0, 0.0)
        self.data.qvel[speed : speed + 6] = 0.0
        self.mj.mj_forward(self.model, self.data)

    def _run(self, seconds: float) -> None:
        self.data.ctrl[:4] = self.wanted
        for _ in range(round(seconds / self.model.opt.timestep)):
            self.mj.mj_step(self.model, self.data)


def _angles(q: Joints) -> tuple[float, float, float, float]:
    """The model's joints: each turns against the link before, and the wrist keeps the tool down."""
    return q.yaw, q.upper, q.fore - q.upper, -q.fore


def _mujoco() -> Any:
    try:
        import mujoco
    except ImportError as error:
        fix = "run: pip install 'builderbrain-robots[sim]'"
        found = "the simulated cell needs mujoco, which is not installed"
        raise ToolError("unavailable", found, where="robots", fix=fix) from error
    return mujoco
