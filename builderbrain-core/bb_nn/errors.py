"""Everything bb_nn raises on purpose.

BuilderbrainError            (bb_core.errors)
├── ModelError               a base model cannot be had
│   ├── UnknownModelError    neither a catalogue name nor a folder with a model
│   └── FetchError           a download or a conversion did not succeed
└── RailError                a rail cannot be attached, loaded or used
    ├── BaseMismatchError    the rail was made for another base than the one at hand
    ├── TooLongError         a text is longer than the base can read
    └── LibraryError         a library of skills refuses a change
        ├── CapError         the change would pass a cap of the library
        └── SwapError        a skill's bytes are not what its digest says, or fit another model
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


class TooLongError(RailError):
    """A text is longer than the base can read."""


class LibraryError(RailError):
    """A library of skills refuses a change."""


class CapError(LibraryError):
    """The change would pass a cap of the library."""


class SwapError(LibraryError):
    """A skill's bytes are not what its digest says, or fit another model."""
