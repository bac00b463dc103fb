"""The four effects, in order. A tool nobody has labelled is irreversible."""

from enum import IntEnum


class Effect(IntEnum):
    """How much a call can change: pure < read < write < irreversible."""

    PURE = 0
    READ = 1
    WRITE = 2
    IRREVERSIBLE = 3

    @classmethod
    def parse(cls, text: str) -> "Effect":
        """Read an effect's lower-case name; raises KeyError."""
        return cls[text.upper()]

    @property
    def acts(self) -> bool:
        """Whether the world is different afterwards."""
        return self >= Effect.WRITE
