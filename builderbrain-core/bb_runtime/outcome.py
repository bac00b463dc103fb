"""What became of each step, and of the run: plain values that survive a round trip through JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, cast, get_args

from bb_core.canonical import Json
from bb_core.errors import ToolFault, whole
from bb_core.plan import value_json
from bb_core.state import Fault, Happened

Status = Literal["done", "failed", "skipped", "refused", "parked", "not_run"]
RunStatus = Literal["done", "failed", "refused", "parked"]
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one step.

    done     its result holds every promise the tool made
    failed   the tool gave no result; if it acts, nothing happened
    skipped  its `when` was false
    refused  a guard, an approval or an argument stood in the way; nothing was sent
    parked   nobody knows whether it happened, or it happened otherwise than promised: for a person
    not_run  something it needs is not done
    """

    step: str
    tool: str
    status: Status
    args: Mapping[str, Any] = field(default_factory=dict)
    result: Json = None
    fault: ToolFault | None = None
    why: str = ""
    key: str = ""
    attempts: int = 0
    consents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "why", whole(self.why))  # an engine must be able to keep it

    @property
    def done(self) -> bool:
        """Whether other steps may build on it."""
        return self.status == "done"

    @property
    def happened(self) -> Happened:
        """The step as the policy's state sees it."""
        return Happened(self.step, self.tool, self.args, self.result)

    def to_json(self) -> dict[str, Json]:
        """The outcome as JSON; `from_json` reads it back to an equal value."""
        return cast(dict[str, Json], {**asdict(self), "consents": list(self.consents)})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Outcome":
        """Read what `to_json` wrote."""
        return cls(**{**data, "consents": tuple(data["consents"])})


@dataclass(frozen=True, slots=True)
class RunResult:
    """The end of a run: every step's outcome in canonical order, and what was undone after it.

    `why` says what went wrong with the run as a whole, beside its steps.
    """

    run: str
    status: RunStatus
    outcomes: Mapping[str, Outcome]
    compensations: tuple[Outcome, ...] = ()
    why: str = ""

    @property
    def results(self) -> dict[str, Json]:
        """The results of the steps that are done."""
        return {step: out.result for step, out in self.outcomes.items() if out.done}

    @property
    def happened(self) -> tuple[Happened, ...]:
        """What was carried out, in canonical order, undoing included: what `State.after` wants.

        A parked step counts as carried out, since it may have been.
        """
        ran = [(out, "") for out in self.outcomes.values()]
        ran += [(out, self.outcomes[out.step].key) for out in self.compensations]
        return tuple(
            replace(out.happened, undoes=key)
            for out, key in ran
            if out.status in ("done", "parked")
        )

    @property
    def consents(self) -> frozenset[str]:
        """The approvals given in this run, for the state of the next round."""
        return frozenset(c for out in self.outcomes.values() for c in out.consents)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What was said of each step that failed or is parked."""
        ended = [out for out in self.outcomes.values() if out.status in ("failed", "parked")]
        return tuple(Fault(o.step, o.tool, value_json(o.args), o.why) for o in ended if o.why)

    @property
    def parked(self) -> tuple[Outcome, ...]:
        """The steps a person has to look at."""
        ran = (*self.outcomes.values(), *self.compensations)
        return tuple(out for out in ran if out.status == "parked")

    def to_json(self) -> dict[str, Json]:
        """The result as JSON; `from_json` reads it back to an equal value."""
        return {
            "run": self.run,
            "status": self.status,
            "outcomes": [out.to_json() for out in self.outcomes.values()],
            "compensations": [out.to_json() for out in self.compensations],
            "why": self.why,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RunResult":
        """Read what `to_json` wrote."""
        outcomes = {row["step"]: Outcome.from_json(row) for row in data["outcomes"]}
        undone = tuple(map(Outcome.from_json, data["compensations"]))
        return cls(data["run"], data["status"], outcomes, undone, data["why"])


def run_status(outcomes: Mapping[str, Outcome], undone: tuple[Outcome, ...] = ()) -> RunStatus:
    """One word for a run: the worst thing that happened in it. A skipped step is no harm."""
    found = {out.status for out in (*outcomes.values(), *undone)}
    for status in ("parked", "failed", "refused"):
        if status in found:
            return cast(RunStatus, status)
    return "done"
