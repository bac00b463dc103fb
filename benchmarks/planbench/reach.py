"""Every state that plans the checker lets pass can reach, and whether a goal is refused in all."""

from collections.abc import Iterable, Iterator
from itertools import product

from bb_core.check import check
from bb_core.state import Happened, State, step_after
from bb_core.verdict import Refused
from planbench.judge import compiled, plan_of, state_of
from planbench.strips import Atom, Problem, Strips

Facts = frozenset[Atom]


def reachable(strips: Strips, problem: Problem) -> frozenset[Facts]:
    """The closure of the first state under every action that the checker lets pass in it."""
    domain = compiled(strips)
    first = state_of(strips, problem)
    seen, todo = {_facts(first)}, [first]
    calls = list(_calls(strips, problem.objects))
    while todo:
        state = todo.pop()
        for action in calls:
            plan = plan_of(strips, domain, [action], ())
            if isinstance(check(domain, plan, state), Refused):
                continue
            step = plan.steps[0]
            after = step_after(state, domain.schema, Happened(step.id, step.tool, step.args, None))
            after = State(facts=after.facts)
            if _facts(after) not in seen:
                seen.add(_facts(after))
                todo.append(after)
    return frozenset(seen)


def refused_everywhere(strips: Strips, problem: Problem, states: Iterable[Facts]) -> bool:
    """Whether a plan that only claims the goal is refused in every one of the states."""
    domain = compiled(strips)
    plan = plan_of(strips, domain, [], problem.goal)
    for facts in states:
        state = state_of(strips, Problem(problem.objects, facts, problem.goal))
        if not isinstance(check(domain, plan, state), Refused):
            return False
    return True


def _calls(strips: Strips, things: Iterable[str]) -> Iterator[Atom]:
    names = list(things)
    for action in strips.actions:
        for about in product(names, repeat=len(action.params)):
            yield action.name, *about


def _facts(state: State) -> Facts:
    """The state's facts as atoms; a fact about nothing holds of an empty text."""
    found = []
    for name, value in state.facts:
        about = value if isinstance(value, tuple) else (str(value),) if value else ()
        found.append((name, *map(str, about)))
    return frozenset(found)
