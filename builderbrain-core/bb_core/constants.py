"""Constants: the values that plans hold again and again although nobody says them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from bb_core.canonical import Json
from bb_core.plan import Plan, Step
from bb_core.saying import literals
from bb_core.scene import Scene
from bb_core.slots import Slot
from bb_core.space import Place, Space
from bb_core.spots import places


def learn_constants(
    space: Space, traces: Iterable[tuple[Scene, Plan]], least: int = 2
) -> Mapping[Place, tuple[Json, ...]]:
    """The values of a place that at least so many plans hold unsaid, there or, of a named type,
    anywhere; often first.

    Unsaid: their scene does not say them. Closed values need no learning, and free texts are
    written anew.
    """
    counts: dict[Place, Counter[str]] = {}
    kinds: dict[Place, str] = {}
    known = Counter[tuple[str, str]]()
    for scene, plan in traces:
        found = set(_unsaid(space, scene, plan))
        known.update({(kind, value) for _, kind, value in found if kind})
        for place, kind, value in found:
            counts.setdefault(place, Counter())[value] += 1
            kinds[place] = kind
    kept = {
        place: tuple(
            json.loads(value)
            for value, times in seen.most_common()
            if max(times, known[kinds[place], value]) >= least
        )
        for place, seen in sorted(counts.items())
    }
    return {place: values for place, values in kept.items() if values}


def _unsaid(space: Space, scene: Scene, plan: Plan) -> Iterator[tuple[Place, str, str]]:
    """The places that a plan fills with what its scene does not say: type, if named, and value."""
    steps = {step.id: step for step in plan.steps}
    for step in plan.steps:
        for slot, value in (*_own(space, step), *_compared(space, step, steps)):
            if slot.kind not in ("closed", "text") and not places(space.schema, scene, slot, value):
                kind = str(slot.schema.get("x-type", ""))
                yield (slot.tool, slot.path), kind, json.dumps(value, sort_keys=True)


def _own(space: Space, step: Step) -> Iterator[tuple[Slot, Json]]:
    return literals(space, step) if step.tool in space.schema.tools else iter(())


def _compared(space: Space, step: Step, steps: Mapping[str, Step]) -> Iterator[tuple[Slot, Json]]:
    if step.when and step.when.ref.step in steps:
        source = steps[step.when.ref.step]
        slot = space.result_slot(source.tool, step.when.ref.pointer)
        if slot is not None:
            yield slot, step.when.value
