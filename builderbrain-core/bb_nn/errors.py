"""Everything bb_nn raises on purpose.

BuilderbrainError            (bb_core.errors)
├── ModelError               a base model cannot be had
│   ├── UnknownModelError    neither a catalogue name nor a folder with a model
│   └── FetchError           a download or a conversion did not succeed
└── RailError                a rail cannot be attached, loaded or used
    └── BaseMismatchError    the rail was made for another base than the one at hand
"""

from bb_core.errors import BuilderbrainError


class ModelError(BuilderbrainError):
    """A base model cannot be had."""


class UnknownModelError(ModelError):
    """Neither a catalogue name nor a folder with a model."""


class FetchError(ModelError):
    """A download or a conversion did not succeed."""


class RailError(BuilderbrainError):
    """A rail cannot be attached, loaded or used."""


class BaseMismatchError(RailError):
    """The rail was made for another base than the one at hand."""
