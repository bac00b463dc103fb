"""Why episodes made no candidate: a word to a person, and no fault."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoCandidate:
    """What was pending made no candidate; `why` says it in words, as the ledger does."""

    why: str
