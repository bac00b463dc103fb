"""The engine that keeps nothing: dry runs on a twin, and tests.

It runs a plan exactly as the durable engine does.
Not covered: a crash; what had happened by then is known to the system and the ledger only.
"""

from collections.abc import Callable

from bb_core.canonical import Json
from bb_runtime.carry import carry_out
from bb_runtime.job import Job
from bb_runtime.outcome import RunResult


class Inline:
    """Runs plans in this process's memory."""

    def run(self, job: Job) -> RunResult:
        """Carry a plan out now."""
        return carry_out(job, lambda name: _at_once)


def _at_once(work: Callable[[], Json]) -> Json:
    return work()
