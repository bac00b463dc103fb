"""B: steps, writes, sums and once-only calls stay inside their limits, over the whole run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bb_core.errors import SchemaError
from bb_core.exclusive import exclusive
from bb_core.guards import number
from bb_core.plan import Plan, refs, value_json
from bb_core.schema import Limits
from bb_core.state import State, once_key
from bb_core.terms import Term, term
from bb_core.verdict import Violation

if TYPE_CHECKING:
    from bb_core.at import At, Case

Interval = tuple[int, int | None]
MOST_TORN = 24


def sizes(case: "Case") -> None:
    """The plan with the rounds before it is no deeper, wider or busier than the limits allow."""
    limits, state = case.schema.limits, case.state
    rows = [
        ("depth", len(case.graph.waves), limits.depth),
        ("width", max(map(len, case.graph.waves), default=0), limits.width),
        ("writes", state.writes + _together(case, {s.id: 1 for s in case.acting}), limits.writes),
        ("rounds", state.rounds + 1, limits.rounds),
    ]
    for name, found, most in rows:
        if found > most:
            case.refuse(f"B.{name}", "", f"{found} {name}, at most {most} are allowed")


def too_long(plan: Plan, limits: Limits, state: State) -> list[Violation]:
    """A plan over the limit of steps is judged no further: the other rules take their time."""
    found = state.steps + len(plan.steps)
    if found <= limits.steps:
        return []
    return [Violation("B.steps", "", f"{found} steps, at most {limits.steps} are allowed")]


def sums(case: "Case") -> None:
    """Each sum, spendings so far included, lies under its limit, or is held at run time."""
    for name, most in case.schema.limits.sums.items():
        spent = case.state.spent.get(name, 0)
        spenders = [s for s in case.plan.steps if name in case.schema.tools[s.tool].consumes]
        if not spenders:
            continue
        amounts = {
            s.id: _amount(case, s.id, case.schema.tools[s.tool].consumes[name]) for s in spenders
        }
        low = spent + _together(case, {ident: least for ident, (least, _) in amounts.items()})
        known = {ident: most for ident, (_, most) in amounts.items() if most is not None}
        bounded = spent + _together(case, known) if len(known) == len(amounts) else None
        if low > most:
            case.refuse(
                f"B.{name}",
                spenders[-1].id,
                f"{name} would be at least {low}, at most {most} is allowed",
            )
        elif bounded is None or bounded > most:
            _hold(case, name, most, [s.id for s in spenders])


def _together(case: "Case", amounts: Mapping[str, int]) -> int:
    """The greatest total of steps that can all run: of two branches, the dearer one."""
    apart = {
        a: frozenset(b for b in amounts if b != a and exclusive(case.graph, a, b)) for a in amounts
    }
    total, left = 0, frozenset(amounts)
    while left:
        group = _entangled(apart, next(iter(left)))
        total += _dearest(apart, amounts, group)
        left -= group
    return total


def _entangled(apart: Mapping[str, frozenset[str]], first: str) -> frozenset[str]:
    """The steps that whether `first` runs has anything to do with."""
    found, todo = {first}, [first]
    while todo:
        fresh = apart[todo.pop()] - found
        found |= fresh
        todo += fresh
    return frozenset(found)


def _dearest(
    apart: Mapping[str, frozenset[str]], amounts: Mapping[str, int], left: frozenset[str]
) -> int:
    torn = next((a for a in sorted(left) if apart[a] & left), None)
    if torn is None or len(left) > MOST_TORN:  # too many to try: counted as if all ran
        return sum(amounts[a] for a in left)
    without = _dearest(apart, amounts, left - {torn})
    return max(without, _dearest(apart, amounts, left - apart[torn]))


def _hold(case: "Case", name: str, most: int, spenders: list[str]) -> None:
    for ident in spenders:
        at = case.at(ident)
        at.residue(
            f"B.{name}",
            "sum",
            name,
            f"{name} stays under {most}",
            max=most,
            amount=at.spec.consumes[name],
        )


def _amount(case: "Case", ident: str, expr: str) -> Interval:
    """The least and greatest amount a step can consume; None when nothing bounds it."""
    step = case.steps[ident]
    if not any(refs(step.args)):
        try:
            exact = number(expr, {"args": value_json(step.args)})
        except SchemaError as error:
            case.refuse("B.amount", ident, error.found)
            return 0, 0
        return exact, exact
    name = expr.removeprefix("args.")
    if name not in step.args or name not in case.schema.tools[step.tool].args:
        return 0, None
    schema = case.schema.arg(step.tool, name)
    least = schema.get("minimum", -1)
    # Only a guard can keep an amount from being negative where its type does not.
    return max(0, int(least)), schema.get("maximum") if least >= 0 else None


def once_per(at: "At", args: tuple[str, ...]) -> None:
    """No other step, and no earlier round, makes the same call."""
    case, mine = at.case, _keys(at, args)
    if (
        not any(refs(at.step.args))
        and once_key(at.step.tool, at.spec, at.step.args) in case.state.once
    ):
        at.refuse(
            "B.once",
            f"{at.step.tool} was already called with this {', '.join(args)} in an earlier round",
        )
        return
    unknown = bool(case.state.once) and any(t.step for t in mine)
    for other in case.plan.steps:
        if other.tool != at.step.tool or other.id == at.step.id:
            continue
        if exclusive(case.graph, other.id, at.step.id):
            continue
        theirs = tuple(term(other.args.get(name), case.steps, case.schema) for name in args)
        same = [a.same(b) for a, b in zip(mine, theirs, strict=True)]
        if False in same:
            continue
        if None in same:
            unknown = True
        elif other.id > at.step.id:
            at.refuse(
                "B.once", f"{other.id} makes the same call ({', '.join(args)})", "leave one out"
            )
    if unknown:
        at.residue(
            "B.once", "once", ", ".join(args), "at most one such call in a run", keys=list(args)
        )


def _keys(at: "At", args: tuple[str, ...]) -> tuple[Term, ...]:
    return tuple(term(at.step.args.get(name), at.case.steps, at.case.schema) for name in args)
