"""Everything bb_train raises on purpose.

BuilderbrainError            (bb_core.errors)
└── TrainError               a training run cannot start, or cannot go on
    ├── DataError            examples that cannot be read, or say what no plan can
    └── ResumeError          what is on disk is not this run's, or not whole
"""

from bb_core.errors import BuilderbrainError


class TrainError(BuilderbrainError):
    """A training run cannot start, or cannot go on."""


class DataError(TrainError):
    """Examples that cannot be read, or that say what no plan can."""


class ResumeError(TrainError):
    """What is on disk is not this run's, or not whole."""
