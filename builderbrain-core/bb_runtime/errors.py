"""Everything bb_runtime raises on purpose, besides what bb_core raises.

BuilderbrainError            (bb_core.errors)
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
