"""The library of skills: a record of each, in the order of the banks' rows, under caps.

A library is a value: a change gives another one or raises, and the model is changed by `live`.

Not covered: whether a change is any good. That is a paired test's business, before it gets here.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from bb_core.canonical import digest_json
from bb_nn.errors import CapError, LibraryError

LISTS = ("tools", "parents", "serves")


@dataclass(frozen=True, slots=True)
class Caps:
    """What a library may grow to: skills, numbers in all of them, births between promotions.

    The skills a library is founded with, before its first promotion, are no births.
    """

    skills: int = 32
    parameters: int = 4_000_000
    births: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a skill.

    `tools`: the one tool it calls, or a composite's, in order. `digest`: sha256 of its tensors.
    `parameters`: how many numbers those are. `born`: the promotion it came with. `usage`: its
    share of the steps of the traces it was last counted on. `parents`: the skills it came from.
    `serves`: names that were merged into it; who asks for one of them gets this row.
    """

    name: str
    tools: tuple[str, ...]
    digest: str
    parameters: int
    born: int = 0
    usage: float = 0.0
    parents: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Library:
    """Records in the order of the banks' rows. `promotion` counts the releases of the library."""

    records: tuple[Record, ...] = ()
    caps: Caps = Caps()
    promotion: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The skills' names, by row."""
        return tuple(record.name for record in self.records)

    @property
    def parameters(self) -> int:
        """The numbers of all skills together."""
        return sum(record.parameters for record in self.records)

    @property
    def digest(self) -> str:
        """The library's hash; it names the bytes of every skill in it."""
        return digest_json(to_json(self))

    def row(self, name: str) -> int:
        """The bank row of a skill, or of the one it was merged into; raises LibraryError."""
        for row, record in enumerate(self.records):
            if name == record.name or name in record.serves:
                return row
        known = ", ".join(self.names) or "none"
        raise LibraryError(f"no skill {name!r}", where="library", fix=f"known: {known}")


def added(library: Library, record: Record) -> Library:
    """The library with one more skill, born now, at the end; raises CapError or LibraryError."""
    if record.name in {n for r in library.records for n in (r.name, *r.serves)}:
        raise LibraryError(f"{record.name!r} is there already", where="library", fix="replace it")
    born = replace(record, born=library.promotion)
    return _capped(library, replace(library, records=(*library.records, born)))


def removed(library: Library, name: str) -> Library:
    """The library without a skill; the rows behind it move up by one.

    Raises LibraryError for a name that was merged into another: the row is that one's.
    """
    row = _own_row(library, name)
    return replace(library, records=library.records[:row] + library.records[row + 1 :])


def replaced(library: Library, record: Record) -> Library:
    """The library with new bytes for the skill of this name.

    Row, birth, usage and the names it serves for stay, and its parents where none are given.
    Raises LibraryError for a name that was merged into another.
    """
    row = _own_row(library, record.name)
    old = library.records[row]
    parents = record.parents or old.parents
    kept = replace(record, born=old.born, usage=old.usage, serves=old.serves, parents=parents)
    return _with(library, row, kept)


def merged(library: Library, record: Record, second: str) -> Library:
    """The library in which a skill, with new bytes, also serves for a second one, which goes.

    The rows behind the second move up by one. What was merged into the second goes with it.
    """
    gone = library.records[library.row(second)]
    first = library.records[_own_row(library, record.name)]
    if gone is first:
        raise LibraryError(f"{second!r} is {first.name!r} already", where="library")
    serves = (*first.serves, gone.name, *gone.serves)
    usage, parents = first.usage + gone.usage, (first.name, gone.name)
    survivor = replace(record, born=first.born, serves=serves, usage=usage, parents=parents)
    left = removed(library, gone.name)
    return _with(left, left.row(record.name), survivor)


def promoted(library: Library) -> Library:
    """The library at its next release: births are counted from 0 again."""
    return replace(library, promotion=library.promotion + 1)


def used(library: Library, shares: Mapping[str, float]) -> Library:
    """The library with each skill's usage as counted; a skill not named has 0."""
    records = (replace(r, usage=float(shares.get(r.name, 0.0))) for r in library.records)
    return replace(library, records=tuple(records))


def to_json(library: Library) -> dict[str, Any]:
    """The library as plain JSON."""
    data = asdict(library)
    rows = [{k: list(v) if k in LISTS else v for k, v in r.items()} for r in data["records"]]
    return {**data, "records": rows}


def from_json(data: Mapping[str, Any]) -> Library:
    """Read `to_json`'s form; raises LibraryError, also for a name that two rows answer to."""
    try:
        records = tuple(Record(**_row(r)) for r in data["records"])
        caps = Caps(**{key: _count(value) for key, value in data["caps"].items()})
        names = [name for r in records for name in (r.name, *r.serves)]
        if len(set(names)) < len(names):
            raise ValueError(f"two skills answer to {max(names, key=names.count)!r}")
        return Library(records, caps, _count(data["promotion"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LibraryError(f"this is no library ({error})", where="library") from None


def _row(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _READ[key](value) for key, value in data.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{value!r} is no list")
    return tuple(map(_text, value))


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def _share(value: Any) -> float:
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r} is no share")
    return value


_READ: dict[str, Callable[[Any], Any]] = {
    "name": _text,
    "digest": _text,
    "parameters": _count,
    "born": _count,
    "usage": _share,
    **dict.fromkeys(LISTS, _texts),
}


def _own_row(library: Library, name: str) -> int:
    """The row of a skill by its own name."""
    row = library.row(name)
    owner = library.records[row].name
    if name != owner:
        found = f"{name!r} was merged into {owner!r}, whose row serves for both"
        raise LibraryError(found, where="library", fix=f"name {owner!r}")
    return row


def _with(library: Library, row: int, record: Record) -> Library:
    records = (*library.records[:row], record, *library.records[row + 1 :])
    return _capped(library, replace(library, records=records))


def _capped(before: Library, after: Library) -> Library:
    """The library after a change, if it keeps the caps that the change could pass."""
    caps = after.caps
    _within(len(after.records), caps.skills, "skills", "merge or remove one")
    _within(after.parameters, caps.parameters, "parameters", "lower the rank, or merge skills")
    if after.promotion and len(after.records) > len(before.records):
        births = sum(record.born == after.promotion for record in after.records)
        _within(births, caps.births, "births in one promotion", "promote what is there first")
    return after


def _within(found: int, cap: int, what: str, fix: str) -> None:
    if found > cap:
        raise CapError(f"{found} {what}, the cap is {cap}", where="library", fix=fix)
