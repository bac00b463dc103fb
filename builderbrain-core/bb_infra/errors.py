"""Everything bb_infra raises on purpose.

BuilderbrainError            (bb_core.errors)
└── InfraError               the wiring around a run does not hold
    ├── ConfigError          bb.toml is not a configuration
    ├── Stopped              a person stopped the command
    ├── MissingExtra         something this command needs is not installed
    └── LedgerError          a record cannot be kept, or a ledger or checkpoint cannot be used
        └── Erased           a value was taken out of the sealed store for good
"""

from bb_core.errors import BuilderbrainError


class InfraError(BuilderbrainError):
    """The wiring around a run does not hold."""


class ConfigError(InfraError):
    """bb.toml is not a configuration."""


class Stopped(InfraError):
    """A person stopped the command; the message says how it goes on."""


class MissingExtra(InfraError):
    """Something this command needs is not installed; the message has the exact pip line."""


class LedgerError(InfraError):
    """A record cannot be kept, or a ledger, checkpoint or key cannot be used."""


class InUse(LedgerError):
    """Another process writes this ledger."""


class Erased(LedgerError):
    """A value of the ledger was taken out of the sealed store for good."""
