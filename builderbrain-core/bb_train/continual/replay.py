"""Episodes from before, so that learning what is new does not cost what was known.

A uniform sample of all episodes ever seen (Vitter's algorithm R): the n-th replaces a random one
with probability capacity/n. Which ones it holds depends on the seed and the order alone; they are
in the order of time.
`seen` is thereby also the number of the last episode taken from those that wait (`intake`): both
change in one step, so a process that is killed takes an episode once or not at all.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bb_core.cache import write_whole
from bb_train.errors import DataError
from bb_train.example import Example, file_of, read_examples


@dataclass
class Replay:
    """The sample. `seen`: how many episodes it was drawn from."""

    capacity: int
    seed: int = 0
    items: list[Example] = field(default_factory=list)
    seen: int = 0

    def add(self, examples: Sequence[Example]) -> None:
        """Take episodes into account, in order."""
        for example in examples:
            self.seen += 1
            place = Random(f"{self.seed}/{self.seen}").randrange(self.seen)
            if len(self.items) < self.capacity:
                self.items.append(example)
            elif place < self.capacity:
                del self.items[place]
                self.items.append(example)

    def parts(self, held: float) -> tuple[list[Example], list[Example]]:
        """What is learnt from, and what is only measured on: the same split every time."""
        out = [e for e in self.items if Random(f"held/{e.digest}").random() < held]
        kept = {id(e) for e in out}
        return [e for e in self.items if id(e) not in kept], out

    def save(self, path: Path) -> None:
        """Replace the file in one step, whatever happens meanwhile; `load` gives an equal one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, file_of(self.items, {"capacity": self.capacity, "seen": self.seen}))

    @classmethod
    def load(cls, path: Path, capacity: int, seed: int = 0) -> "Replay":
        """The sample in a file, or a new one where there is none."""
        if not path.exists():
            return cls(capacity, seed)
        seen = seen_in(path)  # it knows what to do about a broken file
        return cls(capacity, seed, list(read_examples(path)), seen)


def seen_in(path: Path) -> int:
    """How many episodes the sample in a file was drawn from; 0 without one."""
    try:
        with path.open(encoding="utf-8") as lines:
            return int(json.loads(lines.readline())["made_from"]["seen"])
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = "take the folder's copy back, or begin with an empty folder"
        raise DataError("its first line is no sample's", where=str(path), fix=fix) from error
