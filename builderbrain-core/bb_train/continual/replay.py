"""Episodes from before, so that learning what is new does not cost what was known.

A uniform sample of all episodes ever seen (Vitter's algorithm R): the n-th replaces a random one
with probability capacity/n. Which ones it holds depends on the seed and the order alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bb_train.example import Example, read_examples, write_examples


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
                self.items[place] = example

    def parts(self, held: float) -> tuple[list[Example], list[Example]]:
        """What is learnt from, and what is only measured on: the same split every time."""
        out = [e for e in self.items if Random(f"held/{e.digest}").random() < held]
        kept = {id(e) for e in out}
        return [e for e in self.items if id(e) not in kept], out

    def save(self, path: Path) -> None:
        """Write the sample; `load` gives an equal one."""
        write_examples(path, self.items, {"capacity": self.capacity, "seen": self.seen})

    @classmethod
    def load(cls, path: Path, capacity: int, seed: int = 0) -> "Replay":
        """The sample in a file, or a new one where there is none."""
        if not path.exists():
            return cls(capacity, seed)
        import json

        with path.open(encoding="utf-8") as lines:
            seen = int(json.loads(lines.readline())["made_from"]["seen"])
        return cls(capacity, seed, list(read_examples(path)), seen)
