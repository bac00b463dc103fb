"""How a plan's literals are said: the first of the ways there is.

As one of its slot's closed values; by copying it from the scene; as a constant learnt for the slot;
as free text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bb_core.canonical import Json
from bb_core.decision import Choose, Copy, Write
from bb_core.errors import Inexpressible
from bb_core.plan import Ref, Step, Value, refs, value_json
from bb_core.reading import Span
from bb_core.scene import Scene
from bb_core.slots import Slot, same
from bb_core.space import Space
from bb_core.spots import places
from bb_core.structure import validator

ABSENT = object()


def at_slot(step: Step, slot: Slot) -> tuple[Value, int]:
    """What a step holds at a slot: ABSENT, a value, or a reference and how many levels above."""
    here: Value = step.args
    for depth, name in enumerate(slot.path):
        if isinstance(here, Ref):
            return here, len(slot.path) - depth + slot.many
        if not isinstance(here, Mapping) or name not in here:
            return ABSENT, 0
        here = here[name]
    return here, int(slot.many) if isinstance(here, Ref) else 0


def literals(space: Space, step: Step) -> Iterator[tuple[Slot, Json]]:
    """Every plain value at the step's slots; of a list, each of its items."""
    for slot in space.tool_slots[step.tool]:
        value, _ = at_slot(step, slot)
        listed = slot.many and isinstance(value, list | tuple)
        for item in value if listed else [value]:
            if item is not ABSENT and not isinstance(item, Ref) and not any(refs(item)):
                yield slot, value_json(item)


@dataclass
class Saying:
    """Says one step's literals; remembers where it copied, to copy nearby.

    `clause` are the characters the step's own clause runs from and to, `near` where the step
    before it copied.
    """

    space: Space
    scene: Scene
    clause: tuple[int, int]
    near: Sequence[int] = ()
    copied: list[Span] = field(default_factory=list)

    def say(self, slot: Slot, value: Json, where: str = "") -> Copy | Choose | Write:
        """The decision that stands for a value; raises Inexpressible."""
        closed = slot.kind == "closed"
        found = [] if closed else places(self.space.schema, self.scene, slot, value)
        if found:
            best = min(found, key=self._far)
            self.copied.append(best)
            return Copy(best.start, best.end)
        for index, choice in enumerate(slot.choices):
            if same(choice, value):
                return Choose(index)
        if slot.kind == "text" and validator(slot.key).is_valid(value) and isinstance(value, str):
            return Write(value)
        fix = "say the value in the request, or learn it as a constant"
        raise Inexpressible(f"nothing says {value!r}", where=f"{where} {slot}", fix=fix)

    def _far(self, spot: Span) -> tuple[bool, bool, bool, int, int]:
        begin, end = self.clause
        asked = spot.end <= self.scene.request_end
        near = [one.start for one in self.copied] or list(self.near)
        far = min((abs(spot.start - one) for one in near), default=spot.start)
        return not asked, not begin <= spot.start < end, spot in self.copied, far, spot.start


def own_clause(starts: Sequence[int], clause: int, end: int) -> tuple[int, int]:
    """The characters of a clause, from and to; those of the whole request if none are known."""
    if not starts:
        return 0, end
    begin = 0 if clause == 0 else starts[clause]
    return begin, starts[clause + 1] if clause + 1 < len(starts) else end
