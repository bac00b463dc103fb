"""Everything bb_safety raises on purpose.

BuilderbrainError            (bb_core.errors)
└── SafetyError
    ├── ProbeFault           an episode could not be played; says nothing of any version
    ├── EvidenceError        what was handed to the gate is not evidence
    ├── ForgedDecision       a decision that no gate issued, or that was changed since
    ├── PointerError         the current pointer cannot be moved so, or cannot be read
    │   ├── StaleDecision    the pointer has moved since the evidence was gathered
    │   └── Frozen           too many rollbacks: a person has to look first
    └── ArtifactError        an artifact is not whole, not signed, or not what its digest says
"""

from bb_core.errors import BuilderbrainError


class SafetyError(BuilderbrainError):
    """Base of every expected error of this package."""


class ProbeFault(SafetyError):
    """An episode could not be played; nothing is known of the version that was to play it."""


class EvidenceError(SafetyError):
    """What was handed to the gate is not evidence."""


class ForgedDecision(SafetyError):
    """A decision that no gate issued in this process, or that was changed since."""


class PointerError(SafetyError):
    """The current pointer cannot be moved so, or cannot be read."""


class StaleDecision(PointerError):
    """The pointer has moved since the evidence was gathered; nothing was changed."""


class Frozen(PointerError):
    """Nothing is promoted until a person has anchored again, or a canary has ended."""


class ArtifactError(SafetyError):
    """An artifact is not whole, not signed, or not what its digest says."""
