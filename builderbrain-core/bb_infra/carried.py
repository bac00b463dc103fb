"""One run from opening to exit status, with a person told each step of the way."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bb_core.compiled import Compiled
from bb_core.state_diff import state_diff
from bb_infra.config import Config
from bb_infra.running import Opened, Watcher, opened
from bb_infra.telling import aloud, changes, ended, judged, say
from bb_runtime.approve import Approver, at_terminal
from bb_runtime.progress import Lines

if TYPE_CHECKING:
    from bb_infra.planners import Planners
    from bb_runtime.rounds import Attempt, Run

EXITS = {"done": 0, "failed": 1, "refused": 1, "parked": 3}


@dataclass(frozen=True)
class Wanted:
    """What is to be carried out under: `planners` is None where the plan is given."""

    compiled: Compiled
    planners: "Planners | None"
    config: Config
    twin: bool = False
    yes: bool = False


def carry_out(wanted: Wanted, go: Callable[[Opened], "Run"]) -> int:
    """Open what a run needs, go, and say what came of it; the exit status."""
    watcher = Watcher(_approver(wanted), Lines(sys.stdout), _shower(wanted))
    planners, twin = wanted.planners, wanted.twin
    with opened(wanted.compiled, planners, wanted.config, watcher, twin=twin) as ready:
        on, url = "a twin" if twin else wanted.compiled.name, getattr(ready.world, "url", "")
        say("system", f"{on} at {url}" if url else f"{on} in memory" if twin else on)
        before = ready.world.snapshot() if twin else None
        done = go(ready)
        ended(done, ready)
        if twin:
            changes(state_diff(before, ready.world.snapshot()))
    return EXITS[done.end]


def _approver(wanted: Wanted) -> Approver:
    return aloud if wanted.yes else at_terminal()


def _shower(wanted: Wanted) -> Callable[["Attempt", str], None]:
    """Token figures are shown of what the base decoded here, and of no other plan."""

    def show(attempt: "Attempt", name: str) -> None:
        base = wanted.planners.base if wanted.planners else None
        decoded = base.decoded if base and attempt.draft.planner == base.name else None
        judged(wanted.compiled, decoded, attempt, name)

    return show
