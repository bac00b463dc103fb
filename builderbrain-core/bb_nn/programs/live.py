"""A served model whose skills are exchanged between requests.

A request takes `live.version` once, at its start, and keeps it to its end: a version is never
changed. A change makes a new version beside it, which shares every tensor but the banks', checks
it, and puts it in place by one assignment. Rolling back is taking the version before: its tensors
are the same objects, so its bytes are the same.

Not covered: training a version in place (`verified` finds it out); two processes serving one model,
each has its own versions; a PlanBuilder, whose space names its skills besides: it is refused, and
its skills change by `bb_train.continual.skill_change`.
"""

import copy
import threading
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, TypeVar, cast

from torch import nn

from bb_nn.errors import SwapError
from bb_nn.programs.bank import SkillBank
from bb_nn.programs.hyper_bank import HyperBank
from bb_nn.programs.library import Library, Record, added, merged, removed, replaced
from bb_nn.programs.pack import Pack, banks, digest_of, fits, of_bank, take

M = TypeVar("M", bound=nn.Module)
KEPT = 8
"""How many versions can be rolled back to."""


@dataclass(frozen=True)
class Version(Generic[M]):
    """A model and the library that names the bytes of its skills, row by row.

    `number` is of this version alone: one that was rolled back leaves its number unused.
    """

    number: int
    model: M
    library: Library


class Live(Generic[M]):
    """Holds the version that new requests get; changes come one at a time, from any thread."""

    def __init__(self, model: M, library: Library) -> None:
        """Raises SwapError unless the model's skills are the library's, byte for byte."""
        _require_free_rows(model)
        self._one_at_a_time = threading.Lock()
        self._before: list[Version[M]] = []
        self._numbers = count()
        self._version = verified(Version(next(self._numbers), model, library))

    @property
    def version(self) -> Version[M]:
        """What a request that starts now must use to its end."""
        return self._version

    def add(self, pack: Pack, digest: str, parents: tuple[str, ...] = ()) -> Version[M]:
        """Add a skill, whose bytes must have this digest; raises SwapError, CapError."""
        with self._one_at_a_time:
            now = self._version
            library = added(now.library, record(_checked(now.model, pack, digest), parents))
            model = beside(now.model)
            for path, bank in banks(model).items():
                bank.grow(of_bank(pack, path))
            return self._put(model, library)

    def remove(self, name: str) -> Version[M]:
        """Take a skill out, with the names it serves for; the rows behind it move up.

        Raises LibraryError for a name that is not there, or that another skill serves for.
        """
        with self._one_at_a_time:
            now = self._version
            library = removed(now.library, name)
            model = beside(now.model)
            for bank in banks(model).values():
                bank.drop(now.library.row(name))
            return self._put(model, library)

    def replace(self, pack: Pack, digest: str, parents: tuple[str, ...] = ()) -> Version[M]:
        """Exchange the bytes of a skill for others, which must have this digest.

        It goes on serving for the names that were merged into it.
        """
        with self._one_at_a_time:
            now = self._version
            library = replaced(now.library, record(_checked(now.model, pack, digest), parents))
            model = beside(now.model)
            for path, bank in banks(model).items():
                bank.put(library.row(pack.name), of_bank(pack, path))
            return self._put(model, library)

    def merge(self, pack: Pack, digest: str, second: str) -> Version[M]:
        """Exchange the bytes of a skill for others that also serve for a second, which goes."""
        with self._one_at_a_time:
            now = self._version
            library = merged(now.library, record(_checked(now.model, pack, digest)), second)
            model = beside(now.model)
            for path, bank in banks(model).items():
                bank.put(now.library.row(pack.name), of_bank(pack, path))
                bank.drop(now.library.row(second))
            return self._put(model, library)

    def put(self, version: Version[M], made_from: Version[M]) -> Version[M]:
        """Put a version in place that was made elsewhere from one of here.

        Raises SwapError if it is not whole, and if what it was made from no longer serves: a change
        in between would be lost. Its number is the next one here.
        """
        with self._one_at_a_time:
            if made_from is not self._version:
                found = f"made from version {made_from.number}, and {self._version.number} serves"
                raise SwapError(found, where="live", fix="make the change again, from what serves")
            return self._put(version.model, version.library)

    def rollback(self) -> Version[M]:
        """Put the version before in place again; raises SwapError if there is none."""
        with self._one_at_a_time:
            if not self._before:
                raise SwapError("there is no version before", where="live")
            self._version = self._before.pop()
            return self._version

    def _put(self, model: M, library: Library) -> Version[M]:
        after = verified(Version(next(self._numbers), model, library))
        self._before = [*self._before, self._version][-KEPT:]
        self._version = after
        return after


def _require_free_rows(model: nn.Module) -> None:
    """Raise SwapError for a builder: its space and its configuration would keep the skills."""
    from bb_nn.builder.builder import PlanBuilder  # seldom needed, and much to load

    if isinstance(model, PlanBuilder):
        found, fix = "a builder's skills are its space's too", "use bb_train.continual.skill_change"
        raise SwapError(found, where="live", fix=fix)


def record(pack: Pack, parents: tuple[str, ...] = ()) -> Record:
    """What a library says of a skill."""
    return Record(pack.name, pack.tools, pack.digest, pack.parameters, parents=parents)


def beside(model: M) -> M:
    """The same model with banks of its own; all else, tensors or not, is shared, nothing copied."""
    return cast(M, _beside(model, {}))


def _beside(module: nn.Module, made: dict[int, nn.Module]) -> nn.Module:
    if id(module) not in made:
        if isinstance(module, SkillBank | HyperBank):
            made[id(module)] = copy.deepcopy(module)
        else:
            made[id(module)] = _shell(module, made)
    return made[id(module)]


def _shell(module: nn.Module, made: dict[int, nn.Module]) -> nn.Module:
    """A module of its own with the same tensors and attributes, and its children's shells."""
    shell = module.__new__(type(module))
    state: Any = module
    shell.__dict__.update(state.__getstate__())  # what a copy starts from
    for name in ("_parameters", "_buffers", "_modules"):
        shell.__dict__[name] = dict(module.__dict__[name])
    for name, child in module._modules.items():
        shell._modules[name] = None if child is None else _beside(child, made)
    return shell


def verified(version: Version[M]) -> Version[M]:
    """The version, if every skill's bytes are what the library says; raises SwapError."""
    model, library = version.model, version.library
    for path, bank in banks(model).items():
        if len(bank) != len(library.records):
            found = f"{path} has {len(bank)} rows for {len(library.records)} skills"
            raise SwapError(found, where="live", fix="make the library of this model")
    for row, known in enumerate(library.records):
        if take(model, row, known.name, known.tools).digest != known.digest:
            raise SwapError("the bytes are not the library's", where=known.name, fix="roll back")
    return version


def _checked(model: nn.Module, pack: Pack, digest: str) -> Pack:
    if digest_of(pack.tensors) != digest:
        raise SwapError("the bytes are not the approved ones", where=pack.name, fix="get it again")
    fits(model, pack)
    return pack
