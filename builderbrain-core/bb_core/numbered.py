"""A plan with its steps called n1, n2, ... in the order they stand."""

from collections.abc import Mapping
from dataclasses import replace

from bb_core.errors import Inexpressible
from bb_core.next_step import step_id
from bb_core.plan import Plan, Ref, Step, Value, needs


def numbered(plan: Plan) -> Plan:
    """The same plan under such names, `after` in order and each step once.

    Raises Inexpressible where a step waits for one that is not before it.
    """
    place = {step.id: index for index, step in enumerate(plan.steps)}
    for index, step in enumerate(plan.steps):
        if any(place.get(other, index) >= index for other in needs(step)):
            raise Inexpressible("it waits for a step that is not before it", where=step.id)
    return replace(plan, steps=tuple(_step(step, place) for step in plan.steps))


def _step(step: Step, place: Mapping[str, int]) -> Step:
    when = step.when
    return Step(
        id=step_id(place[step.id]),
        tool=step.tool,
        args={name: _value(value, place) for name, value in step.args.items()},
        after=tuple(step_id(index) for index in sorted({place[ident] for ident in step.after})),
        when=replace(when, ref=_value(when.ref, place)) if when else None,
    )


def _value(value: Value, place: Mapping[str, int]) -> Value:
    if isinstance(value, Ref):
        return Ref(step_id(place[value.step]), value.pointer)
    if isinstance(value, Mapping):
        return {key: _value(item, place) for key, item in value.items()}
    return [_value(item, place) for item in value] if isinstance(value, list | tuple) else value
