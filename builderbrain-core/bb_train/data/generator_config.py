"""What a generator is asked for."""

from dataclasses import asdict, dataclass
from typing import Any

from bb_core.canonical import digest_json
from bb_core.compiled import Compiled
from bb_train.example import Family, Split

VERSION = 6
"""Raised when the same configuration is to give other examples."""


@dataclass(frozen=True)
class GeneratorConfig:
    """What to generate. The same configuration and domain give the same examples.

    skins           how often a skin is worn
    elsewhere       how often a value stands outside the clause that needs it (always, in `cross`)
    without_tools   tools that training never shows; the test family `tool` shows one each time
    execute         carry the right plan out, to prove it and to know its diff (None: all but train)
    """

    count: int
    split: Split = "train"
    family: Family = "indist"
    seed: int = 0
    skins: float = 0.25
    elsewhere: float = 0.12
    without_tools: tuple[str, ...] = ()
    execute: bool | None = None

    @property
    def executed(self) -> bool:
        """Whether the plans are carried out."""
        return self.split != "train" if self.execute is None else self.execute

    def made_from(self, compiled: Compiled) -> dict[str, Any]:
        """What a file of these examples came from; what the domain's twin does is not in it."""
        told = asdict(self) | {"without_tools": list(self.without_tools)}
        of = {"domain": compiled.name, "schema": compiled.digest, "tasks": _tasks(compiled)}
        return {**of, "generator": VERSION, **told}


def _tasks(compiled: Compiled) -> str:
    """A digest of the battery and of all that its skins make of it."""
    worn = [(skin, skin.apply(task)) for skin in compiled.skins for task in compiled.battery]
    skinned = [[skin.name, skin.kind, asdict(task)] for skin, task in worn if task]
    return digest_json({"battery": [asdict(task) for task in compiled.battery], "skins": skinned})
