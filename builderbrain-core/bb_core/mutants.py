"""Wrong plans made from right ones: what a checker, its guards or a state diff must catch.

Each class is one way a plan goes wrong in practice. A mutant may depend on values only a run of the
right plan shows (`results`) and on other values of the same named types (`pool`).

What its schema says is no mistake makes no mutant: a second call of an `idempotent` tool, another
value of a type with `x-immaterial: true` (how long to wait, say), which changes when and not what.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bb_core.canonical import Json
from bb_core.plan import Plan, Ref, Step, Value, needs, read_value, refs, substitute
from bb_core.schema import FactCall, PlanSchema
from bb_core.state import approval
from bb_core.structure import validator
from bb_core.typestate import APPROVED


@dataclass(frozen=True, slots=True)
class Gold:
    """A right plan, what its steps gave when it ran, and other values of each named type."""

    schema: PlanSchema
    plan: Plan
    results: Mapping[str, Json]
    pool: Mapping[str, Sequence[Json]] = field(default_factory=dict)

    def resolved(self, step: Step) -> dict[str, Json]:
        """A step's arguments with every reference replaced."""
        return {k: substitute(v, self.results) for k, v in step.args.items()}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong plan; `approvals` were given for the right one."""

    kind: str
    plan: Plan
    approvals: frozenset[str] = frozenset()


def mutants(gold: Gold) -> Iterator[Mutant]:
    """Every mutant of a plan that its schema gives room for."""
    for kind, make in KINDS.items():
        for plan in make(gold):
            yield Mutant(kind, plan)
    yield from _foreign_values(gold)
    yield from _changed_after_consent(gold)


def _with(gold: Gold, steps: Sequence[Step]) -> Plan:
    return replace(gold.plan, steps=tuple(steps))


def _swap(gold: Gold, old: Step, new: Step) -> Plan:
    return _with(gold, [new if s.id == old.id else s for s in gold.plan.steps])


def _acting(gold: Gold) -> list[Step]:
    """The acting steps that ran; a change to a skipped step changes nothing."""
    return [
        s for s in gold.plan.steps if gold.schema.tools[s.tool].effect.acts and s.id in gold.results
    ]


def _cycle(gold: Gold) -> Iterator[Plan]:
    steps = gold.plan.steps
    for later in reversed(steps):
        for earlier in steps:
            if earlier.id in needs(later):
                yield _swap(gold, earlier, replace(earlier, after=(*earlier.after, later.id)))
                return


def _dangling(gold: Gold) -> Iterator[Plan]:
    for step in gold.plan.steps:
        for name, value in step.args.items():
            if isinstance(value, Ref):
                yield _swap(
                    gold, step, replace(step, args={**step.args, name: Ref("n99", value.pointer)})
                )
                return
    last = gold.plan.steps[-1]
    yield _swap(gold, last, replace(last, after=(*last.after, "n99")))


def without(gold: Gold, gone: set[str]) -> Plan | None:
    """The plan without some steps; what they gave is written out where it was referred to."""
    if not gone or len(gone) == len(gold.plan.steps):
        return None
    kept = []
    for step in gold.plan.steps:
        if step.id in gone:
            continue
        when = step.when if step.when and step.when.ref.step not in gone else None
        args = {k: _written_out(v, gone, gold.results) for k, v in step.args.items()}
        kept.append(
            replace(step, args=args, after=tuple(a for a in step.after if a not in gone), when=when)
        )
    return _with(gold, kept)


def _written_out(value: Value, gone: set[str], results: Mapping[str, Json]) -> Value:
    if isinstance(value, Ref):
        return read_value(substitute(value, results)) if value.step in gone else value
    if isinstance(value, Mapping):
        return {k: _written_out(v, gone, results) for k, v in value.items()}
    return [_written_out(v, gone, results) for v in value] if isinstance(value, list) else value


def _dropping(fact_wanted: Callable[[PlanSchema, str], bool]) -> Callable[[Gold], Iterator[Plan]]:
    def make(gold: Gold) -> Iterator[Plan]:
        def gives(step: Step) -> bool:
            calls = map(FactCall.parse, gold.schema.tools[step.tool].establishes)
            return any(fact_wanted(gold.schema, c.name) for c in calls)

        plan = without(gold, {s.id for s in gold.plan.steps if gives(s)})
        if plan and any(_needs_fact(gold.schema, s, fact_wanted) for s in plan.steps):
            yield plan

    return make


def _needs_fact(schema: PlanSchema, step: Step, wanted: Callable[[PlanSchema, str], bool]) -> bool:
    calls = map(FactCall.parse, schema.tools[step.tool].requires)
    return any(c.name != APPROVED and wanted(schema, c.name) for c in calls)


def _unproven(gold: Gold) -> Iterator[Plan]:
    """A step that runs only if an earlier result says so runs whatever the result says."""
    for step in gold.plan.steps:
        if step.when is None or step.id not in gold.results:
            continue
        source = next(s for s in gold.plan.steps if s.id == step.when.ref.step)
        calls = map(FactCall.parse, gold.schema.tools[source.tool].establishes)
        place = step.when.ref.pointer.removeprefix("/").replace("/", ".")
        facts = {call.name for call in calls if call.given == place}
        if _needs_fact(gold.schema, step, lambda _, fact, facts=facts: fact in facts):  # type: ignore[misc]
            after = tuple(sorted({*step.after, source.id}))
            yield _swap(gold, step, replace(step, when=None, after=after))
            return


def _unconfirmed(gold: Gold) -> Iterator[Plan]:
    gone = {s.id for s in gold.plan.steps if gold.schema.tools[s.tool].approves}
    plan = without(gold, gone)
    if plan and any(APPROVED in gold.schema.tools[s.tool].requires for s in plan.steps):
        yield plan


def _second_holder(gold: Gold) -> Iterator[Plan]:
    for step in gold.plan.steps:
        calls = map(FactCall.parse, gold.schema.tools[step.tool].establishes)
        if not any(gold.schema.facts[c.name].exclusive for c in calls):
            continue
        for _, _, args in _foreign(gold, step):
            yield _with(gold, [*gold.plan.steps, Step("n98", step.tool, args)])
            return


def _foreign(gold: Gold, step: Step) -> Iterator[tuple[str, str, dict[str, Value]]]:
    """The argument, its named type, and the arguments with another value of that type there."""
    for name, now in gold.resolved(step).items():
        schema = gold.schema.arg(step.tool, name)
        if schema.get("x-immaterial"):
            continue
        items = now if isinstance(now, list) else [now]
        kind = str(schema.get("items", schema).get("x-type"))
        other = next((v for v in gold.pool.get(kind, ()) if v not in items), None)
        if other is not None:
            changed = [other, *items[1:]] if isinstance(now, list) else other
            yield name, kind, {**step.args, name: changed}


def _foreign_entity(gold: Gold) -> Iterator[Plan]:
    """Every mention of one entity's key in the plan, exchanged for another's."""
    keys = {e.key for e in gold.schema.entities.values()}
    for step in _acting(gold):
        for name, now in gold.resolved(step).items():
            kind = str(gold.schema.arg(step.tool, name).get("x-type"))
            paths = gold.schema.tools[step.tool].entity.values()
            if kind not in keys or f"args.{name}" not in paths:
                continue
            other = next((v for v in gold.pool.get(kind, ()) if v != now), None)
            if other is not None:
                yield _with(gold, [_replaced(gold, s, now, other) for s in gold.plan.steps])
                return


def _replaced(gold: Gold, step: Step, old: Json, new: Json) -> Step:
    now = gold.resolved(step)
    return replace(step, args={k: new if now[k] == old else v for k, v in step.args.items()})


def _foreign_values(gold: Gold) -> Iterator[Mutant]:
    """Any other named value of an acting step exchanged: another card, item or sum."""
    for step in _acting(gold):
        entity_args = {
            p.removeprefix("args.") for p in gold.schema.tools[step.tool].entity.values()
        }
        for name, kind, args in _foreign(gold, step):
            if name not in entity_args:
                yield Mutant(f"foreign-{kind}", _swap(gold, step, replace(step, args=args)))


def _once(gold: Gold) -> list[Step]:
    """The acting steps that a second call would make another of."""
    return [step for step in _acting(gold) if not gold.schema.tools[step.tool].repeatable]


def _race(gold: Gold) -> Iterator[Plan]:
    for step in _once(gold):
        yield _with(gold, [*gold.plan.steps, replace(step, id="n98")])
        return


def _double(gold: Gold) -> Iterator[Plan]:
    for step in _once(gold):
        yield _with(gold, [*gold.plan.steps, replace(step, id="n98", after=(*step.after, step.id))])
        return


WRONG: Mapping[str, Json] = {
    "string": 7,
    "integer": "seven",
    "number": "x",
    "boolean": "yes",
    "array": 3,
    "object": 3,
}


def _wrong_type(gold: Gold) -> Iterator[Plan]:
    for step in gold.plan.steps:
        for name in step.args:
            wrong = WRONG.get(str(gold.schema.arg(step.tool, name).get("type", "string")), 7)
            yield _swap(gold, step, replace(step, args={**step.args, name: wrong}))
            return


def _bad_enum(gold: Gold) -> Iterator[Plan]:
    for step in gold.plan.steps:
        for name in step.args:
            if "enum" in gold.schema.arg(step.tool, name):
                yield _swap(gold, step, replace(step, args={**step.args, name: "because"}))
                return


def _scaled(gold: Gold) -> Iterator[Plan]:
    """An amount a hundred times too large: dollars taken for cents."""
    for step in _acting(gold):
        for name, now in gold.resolved(step).items():
            skipped = gold.schema.arg(step.tool, name).get("x-immaterial")
            if isinstance(now, int) and not isinstance(now, bool) and not skipped:
                yield _swap(gold, step, replace(step, args={**step.args, name: now * 100}))
                return


def _changed_after_consent(gold: Gold) -> Iterator[Mutant]:
    """Consent was given for the right arguments; the plan comes back with others."""
    askers = {s.id for s in gold.plan.steps if gold.schema.tools[s.tool].approves}
    plan = without(gold, askers)
    if plan is None:
        return
    for step in plan.steps:
        if APPROVED not in gold.schema.tools[step.tool].requires:
            continue
        right = gold.resolved(next(s for s in gold.plan.steps if s.id == step.id))
        for name, value in _other_values(gold, step, right):
            changed = replace(step, args={**right, name: value})
            steps = tuple(changed if s.id == step.id else s for s in plan.steps)
            given = frozenset({approval(step.tool, right)})
            yield Mutant("changed-after-consent", replace(gold.plan, steps=steps), given)
            return


def _other_values(gold: Gold, step: Step, right: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    for name, now in right.items():
        schema = gold.schema.arg(step.tool, name)
        tries: list[Json] = [*schema.get("enum", ()), *gold.pool.get(str(schema.get("x-type")), ())]
        if isinstance(now, int):
            tries.append(now + 1)
        if isinstance(now, str):
            tries.append(now + "!")
        for value in tries:
            if value != now and validator(_text(schema)).is_valid(value):
                yield name, value
                break


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, sort_keys=True)


KINDS: Mapping[str, Callable[[Gold], Iterator[Plan]]] = {
    "cycle": _cycle,
    "dangling": _dangling,
    "unauthenticated": _dropping(lambda schema, fact: schema.facts[fact].exclusive),
    "unproven": _unproven,
    "unconfirmed": _unconfirmed,
    "unobserved": _dropping(lambda schema, fact: schema.facts[fact].killed_by_write),
    "second-user": _second_holder,
    "foreign-entity": _foreign_entity,
    "race": _race,
    "double": _double,
    "wrong-type": _wrong_type,
    "bad-enum": _bad_enum,
    "scaled": _scaled,
}
"""The classes, by name; `changed-after-consent` and a `foreign-TYPE` a named type come on top."""


def pool_of(schema: PlanSchema, plans: Sequence[Plan]) -> dict[str, list[Json]]:
    """Every literal the plans use, by named type: where foreign values come from."""
    pool: dict[str, list[Json]] = {}
    for plan in plans:
        for step in plan.steps:
            for name, value in step.args.items():
                if name in schema.tools[step.tool].args and not any(refs(value)):
                    kind, items = schema.arg(step.tool, name), value
                    if "items" in kind and isinstance(value, list):
                        kind = kind["items"]
                    else:
                        items = [value]
                    known = pool.setdefault(str(kind.get("x-type", "")), [])
                    known.extend(i for i in items if i not in known)
    return pool
