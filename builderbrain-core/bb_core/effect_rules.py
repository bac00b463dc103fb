"""E and R: irreversible steps come after what can be undone or can fail, and no two writes race.

Not covered: a step the plan puts after an irreversible one may fail when that has happened; two
names for one entity (`A1` and `a1`, an order and its parcel) are two entities.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bb_core.effects import Effect
from bb_core.exclusive import exclusive
from bb_core.plan import Step

if TYPE_CHECKING:
    from bb_core.at import At, Case

ANY_WRITE = "*write"


def before_irreversible(at: "At") -> None:
    """What may come before can be undone; every check that does not wait for it has been made."""
    case, me = at.case, at.step.id
    for other in case.plan.steps:
        spec = case.schema.tools[other.tool]
        if other.id == me or me in case.graph.ancestors[other.id]:
            continue
        if exclusive(case.graph, other.id, me):
            continue
        first = other.id in case.graph.ancestors[me]
        if not spec.effect.acts and spec.fallible and not first:
            at.refuse(
                "E.checks-first",
                f"{other.id} ({other.tool}) can still fail once {me} has happened",
                f"put {me} after {other.id}",
            )
        if (
            spec.effect is Effect.WRITE
            and not spec.compensate
            and "compensation" not in spec.waives
        ):
            at.refuse(
                "E.compensation",
                f"{other.id} ({other.tool}) {'comes' if first else 'may come'} before it "
                "and cannot be undone",
                f"put {other.id} after {me}",
            )


def excludes(at: "At", tools: Iterable[str]) -> None:
    """None of these tools is in the plan, nor was in an earlier round."""
    case = at.case
    for name in tools:
        for other in case.plan.steps:
            if other.id != at.step.id and _is(case, other.tool, name):
                at.refuse(
                    "E.excludes",
                    f"{at.step.tool} and {other.tool} ({other.id}) may not be in one run",
                    "choose one",
                )
        for tool in sorted(case.state.tools):
            if _is(case, tool, name):
                at.refuse(
                    "E.excludes",
                    f"{tool} was called in an earlier round; {at.step.tool} may not follow it",
                    "stop here",
                )


def shut_out(case: "Case") -> None:
    """No tool of an earlier round excludes a step of this plan."""
    for earlier in sorted(case.state.tools):
        for name in sorted(case.schema.tools[earlier].excludes):
            for step in case.plan.steps:
                if _is(case, step.tool, name):
                    found = f"{earlier} was called in an earlier round and excludes {step.tool}"
                    case.refuse("E.excludes", step.id, found, "stop here")


def _is(case: "Case", tool: str, name: str) -> bool:
    return tool == name or (name == ANY_WRITE and case.schema.tools[tool].effect.acts)


def no_race(at: "At") -> None:
    """No unordered write may touch the same entity; one without a declared entity may touch any."""
    case, step = at.case, at.step
    for other in case.acting:
        if other.id <= step.id or case.graph.ordered(step.id, other.id):
            continue
        if exclusive(case.graph, other.id, step.id):
            continue
        for entity in _shared(at, other):
            at.refuse(
                "R.race",
                f"{step.id} and {other.id} may both write {entity} at the same time",
                f"put {other.id} after {step.id}",
            )
            break


def _shared(at: "At", other: Step) -> Iterator[str]:
    mine, theirs = at.spec.entity, at.case.schema.tools[other.tool].entity
    if not mine or not theirs:
        yield "anything (no entity declared)"
    for name in mine.keys() & theirs.keys():
        a, b = at.term(mine[name]), at.case.at(other.id).term(theirs[name])
        if a.same(b) is not False:
            yield f"{name} {a}"
