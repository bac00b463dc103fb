"""One run from opening to exit status, with a person told each step of the way.

Once nobody reads what it says, a run goes on; a person who stops it stops it as a kill would.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from bb_core.compiled import Compiled
from bb_core.state_diff import state_diff
from bb_infra.config import Config
from bb_infra.errors import Stopped
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
    """What is to be carried out, and under what: `planners` is None where the plan is given."""

    run: str
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
        try:
            done = go(ready)
        except KeyboardInterrupt:
            _stop(wanted, ready)
        ended(done, ready)
        if twin:
            changes(state_diff(before, ready.world.snapshot()))
    return EXITS[done.end]


def _stop(wanted: Wanted, ready: Opened) -> NoReturn:
    """Sign what is on record, say how the run goes on, and end the process under its threads.

    A step that waits for an answer, or for its system, would keep the process; one that went on
    while all is closed would be on record as failed, and the run as ended.
    """
    again, twin = f"bb run {wanted.compiled.name} --resume {wanted.run}", wanted.twin
    open_ = not twin and ready.engine.latest(wanted.run) is not None
    if twin:
        ready.world.close()
    ready.ledger.checkpoint()
    print(f"bb: {Stopped('stopped', fix=f'to go on: {again}' if open_ else '')}", file=sys.stderr)
    sys.stdout.flush()
    os._exit(130)


def _approver(wanted: Wanted) -> Approver:
    return aloud if wanted.yes else at_terminal()


def _shower(wanted: Wanted) -> Callable[["Attempt", str], None]:
    """Token figures are shown of what the base decoded here, and of no other plan."""

    def show(attempt: "Attempt", name: str) -> None:
        base = wanted.planners.base if wanted.planners else None
        decoded = base.decoded if base and attempt.draft.planner == base.name else None
        judged(wanted.compiled, decoded, attempt, name)

    return show
