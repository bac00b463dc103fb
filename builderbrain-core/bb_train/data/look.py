"""Look first: split a plan that refers to a list by position where only the list can say which.

"Refund the price of i0082": which line of the order that is, nobody knows before the order has been
seen. Such a plan becomes two rounds. The first looks; the second acts on the values that were seen,
and looks again at what its conditions ask. A reference into a list stays where the step names
nothing the list could be searched for.

Not covered: a condition on a place in such a list. Which place it is could be seen, but the plan
language cannot say "the one that is i0082", so nothing is to be learnt from such a plan but to
guess.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from bb_core.battery import Task
from bb_core.canonical import Json
from bb_core.compiled import Compiled
from bb_core.plan import Plan, Ref, Step, needs, refs, resolve_pointer, to_json, tokens
from bb_core.schema import PlanSchema
from bb_train.data.blanks import at_pointer, blanks_of

Results = Mapping[str, Json]


def must_look(schema: PlanSchema, plan: Plan) -> bool:
    """Whether a step of the plan picks from a list by a position only the list can tell."""
    tools = {step.id: step.tool for step in plan.steps}
    return any(_picks(schema, step, ref, tools) for step in plan.steps for ref in _indexed(step))


def _indexed(step: Step) -> Iterator[Ref]:
    """The step's references, in data or condition, that go through a position."""
    found = [ref for _, ref in refs(step.args)] + ([step.when.ref] if step.when else [])
    yield from filter(_positioned, found)


def _positioned(ref: Ref) -> bool:
    return any(token.isdecimal() for token in tokens(ref.pointer))


def _picks(schema: PlanSchema, step: Step, ref: Ref, tools: Mapping[str, str]) -> bool:
    """Whether the list's items have a field of a type that the step writes out."""
    path = tokens(ref.pointer)
    at = max(i for i, token in enumerate(path) if token.isdecimal())
    item = at_pointer(schema.result(tools[ref.step]), "".join(f"/{t}" for t in path[: at + 1]))
    kinds = {field.get("x-type") for field in item.get("properties", {}).values()}
    return any(blank.kind in kinds for blank in blanks_of(schema, [replace(step, when=None)]))


def looked(compiled: Compiled, task: Task, results: Results) -> Task | None:
    """The task in two rounds, given what its plan's steps saw; None where a condition would guess.

    The task itself if nothing of it looks, or nothing else is left.
    """
    plan = compiled.read(task.rounds[0])
    if _guesses(compiled.schema, plan):
        return None
    first = _reading(compiled.schema, plan)
    rest = [step for step in plan.steps if step.id not in first]
    if not rest or not first <= results.keys():
        return task
    again = first & {step.when.ref.step for step in rest if step.when}
    seen = {name: results[name] for name in first}
    rounds = (
        _numbered(plan, first, {}),
        _numbered(plan, again | {step.id for step in rest}, seen),
    )
    return replace(task, rounds=tuple({"steps": to_json(each)["steps"]} for each in rounds))


def _guesses(schema: PlanSchema, plan: Plan) -> bool:
    """Whether a condition is on a place that only the list can tell."""
    tools = {step.id: step.tool for step in plan.steps}
    asked = [(step, step.when.ref) for step in plan.steps if step.when]
    return any(_positioned(ref) and _picks(schema, step, ref, tools) for step, ref in asked)


def _reading(schema: PlanSchema, plan: Plan) -> set[str]:
    """The steps that only look, and wait for nothing that acts or asks."""
    found: set[str] = set()
    for step in plan.steps:
        spec = schema.tools[step.tool]
        if not spec.effect.acts and not spec.approves and needs(step) <= found:
            found.add(step.id)
    return found


def _numbered(plan: Plan, kept: Collection[str], seen: Results) -> Plan:
    """The kept steps under new numbers, with what was seen written out."""
    steps = [step for step in plan.steps if step.id in kept]
    known = {step.id: f"n{at}" for at, step in enumerate(steps, 1)}
    return replace(plan, steps=tuple(_told(step, known, seen) for step in steps))


def _told(step: Step, known: Mapping[str, str], seen: Results) -> Step:
    """The step with what was seen written out, and its other references under new numbers."""
    when = step.when
    if when is not None:
        when = replace(when, ref=replace(when.ref, step=known[when.ref.step]))
    args = {name: _value(value, known, seen) for name, value in step.args.items()}
    after = tuple(known[name] for name in step.after if name in known)
    return replace(step, id=known[step.id], args=args, after=after, when=when)


def _value(value: Any, known: Mapping[str, str], seen: Results) -> Any:
    if isinstance(value, Ref):
        if value.step in seen:
            return resolve_pointer(seen[value.step], value.pointer)
        return replace(value, step=known[value.step])
    if isinstance(value, Mapping):
        return {key: _value(item, known, seen) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item, known, seen) for item in value]
    return value
