"""Carry rounds of plans out on a twin, under the checker, the guards and a customer who answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twin import Retail

from bb_core.adapters import Adapters
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import PlanError
from bb_core.state import State
from bb_core.verdict import Checked
from bb_runtime.approve import Request, by_policy
from bb_runtime.execute import execute
from bb_runtime.job import Settings

Steps = Sequence[Mapping[str, Any]]
SETTINGS = Settings(backoff_s=0.0)


@dataclass
class Seen:
    """What became of one round; `static`: refused before anything ran."""

    status: str
    rules: frozenset[str] = frozenset()
    static: bool = False
    why: str = ""


@dataclass
class Carried:
    """What became of all rounds, and what changed."""

    rounds: list[Seen] = field(default_factory=list)
    diff: list[dict[str, Any]] = field(default_factory=list)


def carry(
    compiled: Compiled,
    tools: Adapters,
    world: Retail,
    plans: Sequence[Steps],
    *,
    request: str = "",
    yes: Callable[[Request], bool] = lambda request: True,
) -> Carried:
    """Check and execute each round in turn; the state goes from one to the next."""
    state, found = State(request=request), Carried()
    for steps in plans:
        seen, state = _round(compiled, tools, world, steps, state, yes)
        found.rounds.append(seen)
    found.diff = world.diff()
    return found


def _round(
    compiled: Compiled,
    tools: Adapters,
    world: Retail,
    steps: Steps,
    state: State,
    yes: Callable[[Request], bool],
) -> tuple[Seen, State]:
    try:
        plan = compiled.read([dict(step) for step in steps])
        if compiled.parse(compiled.print(plan)) != plan:
            raise PlanError("the plan's text reads back as another plan")
    except PlanError as error:
        return Seen("refused", frozenset({"S.syntax"}), True, str(error)), state
    verdict = check(compiled, plan, state)
    if not isinstance(verdict, Checked):
        why = "; ".join(map(str, verdict.violations))
        return Seen("refused", verdict.rules, True, why), state
    approve = by_policy(yes, "customer")
    result = execute(verdict, tools, world, approve=approve, settings=SETTINGS, run="run")
    state = state.after(verdict, result.happened, result.consents)
    stopped = [o for o in result.outcomes.values() if o.status not in ("done", "not_run")]
    rules = frozenset(out.why.split(":")[0] for out in stopped if out.status == "refused")
    return Seen(result.status, rules, False, "; ".join(out.why for out in stopped)), state
