"""Carry out a plan that was made and looked at before: check, execute, ledger, and no model."""

from typing import TYPE_CHECKING

from bb_infra.carried import Wanted, carry_out
from bb_infra.config import Config
from bb_infra.running import Opened, new_run
from bb_infra.telling import compiles, say

if TYPE_CHECKING:
    from bb_core.compiled import Compiled
    from bb_core.plan import Plan
    from bb_runtime.rounds import Run


def run_plan(
    compiled: "Compiled", plan: "Plan", config: Config, request: str, *, twin: bool, yes: bool
) -> int:
    """Carry one plan out: 0 when it was, 1 if refused or failed, 3 if a person must look."""
    compiles(compiled)
    ident = new_run()

    def go(ready: Opened) -> "Run":
        say("run", ident)
        return ready.runner.carry(ident, plan, request)

    return carry_out(Wanted(ident, compiled, None, config, twin, yes), go)
