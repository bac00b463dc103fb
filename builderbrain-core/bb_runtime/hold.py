"""Guards at run time: what only live values can show, held just before the effect.

Every guard kind of `bb_core.verdict.Guard` has one function here, which returns why it does not
hold, or nothing. An unknown kind, a missing value and an error are reasons: guards fail closed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bb_core.canonical import Json
from bb_core.errors import BuilderbrainError
from bb_core.exclusive import exclusive
from bb_core.guards import holds, number
from bb_core.plan import Step, substitute
from bb_core.schema import Tool
from bb_core.state import Happened, Key, State, approval, look, once_key, step_after
from bb_core.terms import path_value
from bb_core.verdict import Guard
from bb_runtime.job import Job
from bb_runtime.outcome import Outcome


@dataclass(frozen=True)
class Moment:
    """A step about to act: its resolved arguments, and what it may know of other steps.

    `seen` holds the outcomes of its ancestors and of the earlier steps it shares a budget with,
    never more: what a guard says does not depend on which branch happened to be faster.
    """

    job: Job
    step: str
    tool: str
    args: Mapping[str, Any]
    seen: Mapping[str, Outcome]
    entities: Mapping[str, Json]

    @property
    def spec(self) -> Tool:
        """The tool about to be called."""
        return self.job.schema.tools[self.tool]

    @property
    def before(self) -> frozenset[str]:
        """The steps that surely come before this one."""
        return self.job.checked.graph.ancestors[self.step]

    @cached_property
    def state(self) -> State:
        """The run's state as this step's ancestors left it."""
        state = self.job.checked.state
        for ident in self.job.checked.order:
            if ident in self.before and self.seen[ident].done:
                state = step_after(state, self.job.schema, self.seen[ident].happened)
        return state

    @property
    def ran(self) -> list[Outcome]:
        """Every step in sight that was carried out, or may have been."""
        return [out for out in self.seen.values() if out.status in ("done", "parked")]

    @property
    def facts(self) -> dict[str, Key]:
        """The holder of each exclusive fact."""
        found = {}
        for name, fact in self.job.schema.facts.items():
            holders = self.state.holders(name)
            if fact.exclusive and len(holders) == 1:
                found[name] = next(iter(holders))
        return found


def unmet(moment: Moment, guards: tuple[Guard, ...]) -> str:
    """Why the call may not be made: the first guard that does not hold; empty when all do."""
    for guard in guards:
        try:
            why = _HELD.get(guard.kind, _unknown)(moment, guard)
        except (BuilderbrainError, LookupError, TypeError, ValueError) as error:
            why = f"could not be evaluated: {error}"
        if why:
            return f"{guard.rule}: {guard.says or guard.expr} does not hold" + _because(why)
    return ""


def broken(guards: tuple[Guard, ...], context: Mapping[str, Any]) -> str:
    """Which promise about a result is broken; empty when all are kept."""
    for guard in guards:
        good, why = holds(guard.expr, context)
        if not good:
            return f"{guard.rule}: {guard.says or guard.expr} does not hold" + _because(
                why or "false"
            )
    return ""


def _because(why: str) -> str:
    return "" if why == "false" else f" ({why})"


def _cel(moment: Moment, guard: Guard) -> str:
    context = {"args": dict(moment.args), "facts": moment.facts, **moment.entities}
    good, why = holds(guard.expr, context)
    return "" if good else why or "false"


def _equal(moment: Moment, guard: Guard) -> str:
    fact = str(guard.data["fact"])
    value = look(guard.expr, Happened(moment.step, moment.tool, moment.args, None))
    if value not in moment.state.holders(fact):
        return f"{guard.expr} is {value!r}"
    killer = _raced(moment, fact, value)
    return f"{killer} may end it meanwhile" if killer else ""


def _raced(moment: Moment, fact: str, value: Any) -> str:
    """A step in no order with this one that ends the fact of this value, or may."""
    graph = moment.job.checked.graph
    for ident, step in moment.job.steps.items():
        if ident == moment.step or graph.ordered(ident, moment.step):
            continue
        if exclusive(graph, ident, moment.step):
            continue
        for ended, path in moment.job.schema.ends(step.tool):
            if ended == fact and (not path or _known(moment, step, path) in (None, value)):
                return ident
    return ""


def _known(moment: Moment, step: Step, path: str) -> Any:
    results = {s: out.result for s, out in moment.seen.items() if out.done}
    try:
        value = substitute(path_value(step, path), results)
    except BuilderbrainError:
        return None
    return tuple(value) if isinstance(value, list) else value


def _type(moment: Moment, guard: Guard) -> str:
    validator = moment.job.checked.compiled.validators[moment.tool]
    error = next(validator.iter_errors(dict(moment.args)), None)
    return error.message if error else ""


def _sum(moment: Moment, guard: Guard) -> str:
    name, tools = guard.expr, moment.job.schema.tools
    total = moment.job.checked.state.spent.get(name, 0)
    total += number(moment.spec.consumes[name], {"args": dict(moment.args)})
    for out in moment.ran:
        if name in tools[out.tool].consumes:
            total += number(tools[out.tool].consumes[name], {"args": dict(out.args)})
    most = int(guard.data["max"])
    return "" if total <= most else f"{name} would be {total}, at most {most} is allowed"


def _once(moment: Moment, guard: Guard) -> str:
    mine = once_key(moment.tool, moment.spec, moment.args)
    if mine in moment.job.checked.state.once:
        return "an earlier round made the same call"
    for out in moment.ran:
        if out.tool == moment.tool and once_key(out.tool, moment.spec, out.args) == mine:
            return f"{out.step} made the same call"
    return ""


def _approval(moment: Moment, guard: Guard) -> str:
    asker = guard.expr
    given = moment.seen[asker].consents if asker else moment.job.checked.state.approvals
    if approval(moment.tool, moment.args) in given:
        return ""
    return f"{asker or 'an earlier round'} was not asked about exactly these arguments"


def _unknown(moment: Moment, guard: Guard) -> str:
    return f"the executor knows no guard of kind {guard.kind!r}"


_HELD: Mapping[str, Callable[[Moment, Guard], str]] = {
    "cel": _cel,
    "equal": _equal,
    "type": _type,
    "sum": _sum,
    "once": _once,
    "approval": _approval,
}
