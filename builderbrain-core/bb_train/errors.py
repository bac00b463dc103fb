"""Everything bb_train raises on purpose.

BuilderbrainError            (bb_core.errors)
└── TrainError               a training run cannot start, or cannot go on
    ├── ConfigError          the configuration of a run cannot be used
    ├── DataError            examples that cannot be read, or say what no plan can
    ├── ResumeError          what is on disk is not this run's, or not whole
    ├── BusyError            another process trains into the same folder
    ├── StorageError         the disk is full or does not take what must be kept
    ├── DivergedError        a loss is not a number any more
    └── AdaptersOnly         a candidate moved what may not be learnt while it serves
"""

from bb_core.errors import BuilderbrainError


class TrainError(BuilderbrainError):
    """A training run cannot start, or cannot go on."""


class ConfigError(TrainError):
    """The configuration of a run cannot be used."""


class DataError(TrainError):
    """Examples that cannot be read, or that say what no plan can."""


class ResumeError(TrainError):
    """What is on disk is not this run's, or not whole."""


class BusyError(TrainError):
    """Another process trains into the same folder."""


class StorageError(TrainError):
    """The disk is full or does not take what must be kept."""


class DivergedError(TrainError):
    """A loss is not a number any more."""


class AdaptersOnly(TrainError):
    """A candidate moved what may not be learnt while it serves."""
