"""Why episodes made no candidate: a word to a person, and no fault."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoCandidate:
    """What was pending made no candidate; `why` says it in words, as the ledger does.

    again: they are as new as before, for what they were learnt beside serves no more.
    """

    why: str
    again: bool = False
