"""Everything the steps of one run share."""

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bb_core.adapters import Adapters
from bb_core.canonical import Json
from bb_core.plan import Step
from bb_core.record import Ledger, Record, no_ledger
from bb_core.schema import PlanSchema, Tool
from bb_core.verdict import Checked
from bb_runtime.approve import Approver, deny_all
from bb_runtime.outcome import Outcome
from bb_runtime.progress import Event, Progress, quiet
from bb_runtime.redact import Hide, forgetful


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run is carried out.

    compensate     undo what was written, in reverse order, when a later step fails
    parallel       most steps at once
    backoff_s      wait before the first repeat; doubled each time
    guard_life_s   how long a guard's verdict covers a call sent again, with its key, after a crash
    hide           gives the salted hashes that stand for personal data in the ledger
    stopped        whether somebody wants no further step to begin; asked before each. What is under
                   way ends, and what was written may still be undone
    """

    compensate: bool = False
    parallel: int = 8
    backoff_s: float = 0.2
    guard_life_s: float = 60.0
    hide: Hide = field(default_factory=forgetful, repr=False, compare=False)
    stopped: Callable[[], bool] = field(default=lambda: False, repr=False, compare=False)


@dataclass(frozen=True)
class Job:
    """One plan being carried out: what was checked, on which system, and who is told.

    `incarnation` names this attempt of this process; after a crash a resumed run has another one.
    `run` is the whole run, over all its rounds; `id` is this round's plan.
    """

    run: str
    checked: Checked
    adapters: Adapters
    world: Any
    approve: Approver = deny_all
    ledger: Ledger = no_ledger
    progress: Progress = quiet
    settings: Settings = field(default_factory=Settings)
    artifact: str = ""
    note: Mapping[str, Json] = field(default_factory=dict)
    incarnation: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}")

    @property
    def id(self) -> str:
        """The run and the round: what a durable engine knows this plan's execution by."""
        return f"{self.run}.{self.checked.state.rounds}"

    @property
    def schema(self) -> PlanSchema:
        """The domain's schema."""
        return self.checked.compiled.schema

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """The plan's steps by id."""
        return {step.id: step for step in self.checked.plan.steps}

    def spec(self, step: Step) -> Tool:
        """The tool a step calls."""
        return self.schema.tools[step.tool]

    def record(self, kind: str, step: str, tool: str, **body: Json) -> None:
        """Write one ledger record about a step.

        A crash between a record and the checkpoint behind it makes the resumed run write it again:
        such twins share run, step and type and differ in `by`, the incarnation.
        """
        head: dict[str, Json] = {"step": step, "tool": tool, "by": self.incarnation}
        digest = self.checked.digest
        self.ledger(Record(kind, self.artifact, self.run, digest, {**head, **body}))

    def tell(self, out: Outcome) -> Outcome:
        """Report a step's end to whoever watches."""
        self.progress(Event(self.run, out.step, out.tool, out.status, out.why))
        return out
