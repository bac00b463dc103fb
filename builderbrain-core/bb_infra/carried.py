"""One run from opening to exit status, with a person told each step of the way."""

import sys
import time
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
    from bb_runtime.planner import ModelPlanner
    from bb_runtime.rounds import Attempt, Run

EXITS = {"done": 0, "failed": 1, "refused": 1, "parked": 3}


@dataclass(frozen=True)
class Wanted:
    """What is to be carried out under: `planner` is None where the plan is given."""

    compiled: Compiled
    planner: "ModelPlanner | None"
    config: Config
    twin: bool = False
    yes: bool = False


def carry_out(wanted: Wanted, go: Callable[[Opened], "Run"]) -> int:
    """Open what a run needs, go, and say what came of it; the exit status."""
    watcher = Watcher(_approver(wanted), Lines(sys.stdout), _shower(wanted))
    planner, twin = wanted.planner, wanted.twin
    with opened(wanted.compiled, planner, wanted.config, watcher, twin=twin) as ready:
        on = "a twin" if twin else wanted.compiled.name
        say("system", f"{on} at {getattr(ready.world, 'url', '?')}")
        before = ready.world.snapshot() if twin else None
        done = go(ready)
        ended(done, ready)
        if twin:
            changes(state_diff(before, ready.world.snapshot()))
    return EXITS[done.end]


def load_planner(compiled: Compiled, config: Config) -> "ModelPlanner":
    """The configured model as a planner, fetched first if it is in the catalogue and not here."""
    from bb_infra.model_here import here
    from bb_nn.base import load_base
    from bb_runtime.planner import ModelPlanner

    began = time.monotonic()
    here(config.model.name)
    base = load_base(config.model.name)
    dtype = str(base.dtype).removeprefix("torch.")
    took = time.monotonic() - began
    say("model", f"{base.name}, {dtype}, {base.digest[:19]}, loaded in {took:.1f} s")
    return ModelPlanner(
        base,
        compiled,
        budget=config.decode.tokens,
        temperature=config.decode.temperature,
        seed=config.decode.seed,
        on_text=lambda text: print(text, end="", flush=True),
    )


def _approver(wanted: Wanted) -> Approver:
    return aloud if wanted.yes else at_terminal()


def _shower(wanted: Wanted) -> Callable[["Attempt"], None]:
    """Figures are shown of what was decoded here, and a resumed or given plan was not."""

    def show(attempt: "Attempt") -> None:
        here = wanted.planner if attempt.draft.planner not in GIVEN else None
        judged(wanted.compiled, here.decoded if here else None, attempt)

    return show


GIVEN = ("resumed", "file")
