"""Everything bb_runtime raises on purpose, besides what bb_core raises.

BuilderbrainError            (bb_core.errors)
├── DecodeError              a plan cannot be decoded
│   ├── BudgetError          the token budget is below the shortest plan; carries the minimum
│   ├── DeadRowError         no token is left to choose from; nothing was emitted
│   └── SteerError           a token that the plan language does not allow here
├── PromptError              what is asked does not fit the model, and is never cut to fit
└── ExecuteError             a plan cannot be carried out; nothing has been sent unless it says so
    ├── NotChecked           what was handed in is not a checked plan, or has changed since
    ├── ParkedError          a person has to find out what happened before anything goes on
    └── DurableError         the run database cannot be used, or not for this run
"""

from bb_core.errors import BuilderbrainError


class ExecuteError(BuilderbrainError):
    """A plan cannot be carried out."""


class NotChecked(ExecuteError):
    """What was handed in is not a checked plan, or the plan has changed since it was checked."""


class ParkedError(ExecuteError):
    """A person has to find out what happened before anything goes on."""


class DurableError(ExecuteError):
    """The run database cannot be used, or not for this run."""


class PromptError(BuilderbrainError):
    """What is asked does not fit the model; it is never cut to fit."""


class DecodeError(BuilderbrainError):
    """A plan cannot be decoded."""


class BudgetError(DecodeError):
    """The token budget is below the shortest plan; `minimum` is the smallest that works."""

    def __init__(self, budget: int, minimum: int, *, where: str = "") -> None:
        self.budget, self.minimum = budget, minimum
        found = f"a budget of {budget} tokens is too small for any plan"
        super().__init__(found, where=where, fix=f"allow at least {minimum} tokens")


class DeadRowError(DecodeError):
    """No token is left to choose from; nothing was emitted."""


class SteerError(DecodeError):
    """A token that the plan language does not allow here."""
