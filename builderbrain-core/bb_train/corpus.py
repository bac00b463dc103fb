"""The examples of a run: made once, kept in its folder, and the same again on every resume."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from bb_core.canonical import digest_json
from bb_core.compiled import Compiled
from bb_train.asked import asked
from bb_train.config import Data
from bb_train.data.coverage import unshown, unvaried
from bb_train.data.generator import Generator, counted
from bb_train.data.generator_config import GeneratorConfig
from bb_train.errors import DataError, StorageError
from bb_train.example import Example, Family, Split, digest_of, read_examples, write_examples

Tell = Callable[[str], None]
SHOWN_EVERY = 250
_FIRST = 2
"""The line of a file's first example, after what the file is made from."""
_APART = 1_000_003
"""From the seed of what is learnt to the seed of what the ranker is fitted on."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is learnt from, what choices are made on, and what the ranker is fitted on.

    dev holds `config.dev` of each family. rank is like train, and holds none of its texts.
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    rank: tuple[Example, ...] = ()

    @property
    def digest(self) -> str:
        """The hash of all of it."""
        return digest_json([digest_of(part) for part in (self.train, self.dev, self.rank)])


def corpus(compiled: Compiled, config: Data, seed: int, folder: Path, tell: Tell) -> Corpus:
    """The run's examples; raises DataError where a file that is named cannot be used."""
    made = _Made(compiled, folder, tell)
    if config.train_file:
        train = _named(config.train_file, compiled, "train")
    else:
        train = made.part(_wanted(config, "train", "indist", seed))
    if config.dev_file:
        dev = _named(config.dev_file, compiled, "dev")
    else:
        parts = [made.part(_wanted(config, "dev", family, seed)) for family in config.families]
        dev = tuple(example for part in parts for example in part)
    _require_nothing_shared(train, dev, config)
    return Corpus(train, dev, _apart(made, config, seed, (*train, *dev)) if config.rank else ())


def _apart(
    made: "_Made", config: Data, seed: int, others: tuple[Example, ...]
) -> tuple[Example, ...]:
    """Examples like those learnt from, drawn apart, without any text of the others."""
    wanted = replace(_wanted(config, "train", "indist", seed + _APART), count=config.rank)
    known = {example.scene.text for example in others}
    return tuple(e for e in made.part(wanted, "rank") if e.scene.text not in known)


def _wanted(config: Data, split: Split, family: str, seed: int) -> GeneratorConfig:
    return GeneratorConfig(
        count=config.train if split == "train" else config.dev,
        split=split,
        family=cast(Family, family),
        seed=seed,
        skins=config.skins,
        elsewhere=config.elsewhere,
        without_tools=config.without_tools,
    )


def _named(file: str, compiled: Compiled, split: Split) -> tuple[Example, ...]:
    """The examples of a file that the configuration names; they must be of the run's domain."""
    found = read_examples(Path(file))
    others = {example.domain for example in found} - {compiled.name}
    stale = {example.plan.schema for example in found} - {compiled.digest}
    if others or stale or not found:
        said = "holds no examples" if not found else "was made for another domain or version"
        raise DataError(said, where=file, fix=f"make it again for {compiled.name}")
    _require_own_ids(found, file)
    for line, example in enumerate(found, _FIRST):
        if example.split != split:
            said = f"{example.id!r} is of the split {example.split}, not {split}"
            fix = f"name a file of {split} examples as {split}_file"
            raise DataError(said, where=f"{file}:{line}", fix=fix)
        if split == "dev":
            _require_asked(compiled, example, f"{file}:{line}")
    return found


def _require_asked(compiled: Compiled, example: Example, where: str) -> None:
    """A dev example must be one that a planner can be asked, whatever its round."""
    try:
        asked(compiled, example)
    except DataError as error:
        raise DataError(error.found, where=where, fix=error.fix) from error


def _require_nothing_shared(
    train: tuple[Example, ...], dev: tuple[Example, ...], config: Data
) -> None:
    """What is measured on must not be learnt from, where a file says what either is.

    Requests are compared to the letter. Not covered: the same request in other words; what the
    generator makes of both, of which its families say what is held out.
    """
    learnt = {example.scene.request: line for line, example in enumerate(train, _FIRST)}
    for line, example in enumerate(dev, _FIRST):
        at = learnt.get(example.scene.request)
        if at is not None and (config.dev_file or config.train_file):
            file, place = (config.dev_file, line) if config.dev_file else (config.train_file, at)
            found = (
                f"the request of {example.id!r} is learnt from too, in {train[at - _FIRST].id!r}"
            )
            raise DataError(found, where=f"{file}:{place}", fix="take it out of one of the two")


def _require_own_ids(found: tuple[Example, ...], file: str) -> None:
    """An id stands for one example wherever something is said of it."""
    seen: set[str] = set()
    for line, example in enumerate(found, _FIRST):
        if example.id in seen:
            fix = "give each example an id of its own"
            raise DataError(f"a second example {example.id!r}", where=f"{file}:{line}", fix=fix)
        seen.add(example.id)


class _Made:
    """A domain's generator, made only if something is missing."""

    def __init__(self, compiled: Compiled, folder: Path, tell: Tell) -> None:
        self.compiled, self.folder, self.tell = compiled, folder, tell
        self.generator: Generator | None = None

    def part(self, wanted: GeneratorConfig, name: str = "") -> tuple[Example, ...]:
        """The examples of one configuration, from the folder or made anew."""
        path = self.folder / f"{name or f'{wanted.split}-{wanted.family}'}.jsonl"
        made_from = wanted.made_from(self.compiled)
        if _head(path) == made_from:
            return read_examples(path, fix=f"delete {path}: it is made again")
        found = tuple(self._examples(wanted, path.stem))
        passing = path.with_suffix(".partial")
        try:
            write_examples(passing, found, made_from)
            os.replace(passing, path)
        except OSError as error:
            where, fix = str(self.folder), "free some space, or set [run] folder"
            raise StorageError(str(error.strerror), where=where, fix=fix) from error
        if wanted.split == "train" and not name:
            self._tell_gaps(found, wanted)
        return found

    def _tell_gaps(self, found: tuple[Example, ...], wanted: GeneratorConfig) -> None:
        """What is going to be learnt badly, for want of examples of it."""
        missed = self.generator.missed if self.generator else {}
        pinned = self.generator.requests.pinned_values if self.generator else frozenset()
        for tool in unshown(self.compiled, found, wanted.without_tools):
            reason = missed.get(tool, "none was drawn, ask for more examples")
            self.tell(f"no example calls {tool}: {reason}")
        for said in unvaried(self.compiled, found, pinned):
            self.tell(said)

    def _examples(self, wanted: GeneratorConfig, name: str) -> Iterator[Example]:
        self.generator = made = self.generator or Generator(self.compiled)
        before = made.dropped.copy()
        for number, example in enumerate(made.examples(wanted), 1):
            yield example
            if number % SHOWN_EVERY == 0 or number == wanted.count:
                self.tell(f"examples {name}: {number} of {wanted.count}")
        if dropped := made.dropped - before:
            self.tell(f"examples {name}: dropped {counted(dropped)}")


def _head(path: Path) -> Any:
    try:
        with path.open(encoding="utf-8") as lines:
            return json.loads(lines.readline())["made_from"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
