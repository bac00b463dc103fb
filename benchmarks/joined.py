"""The runs of one recipe as one result: rows beside each other, no seed's over another's.

A recipe is its words, and the rails it is of: two rails are two recipes. A row that does not say
whose seed it is of gets it, where another seed's has other figures. A row that says it is that
seed's, of the newest run that has it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from figures import tabular

FRAME = ("name", "passed", "machine", "versions", "seed", "seeds", "bar", "skipped", "script")
TOLD = (*FRAME, "claim", "how", "remarks", "recipe", "curves", "hits")
"""What a line says that is no figure."""
SHORT = 19
"""So much of a rail's digest tells it from others."""
Line = Mapping[str, Any]


def recipes(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The lines of each recipe as one, the newest recipe first."""
    runs: dict[tuple[str, str, str], Line] = {}
    for line in lines:
        arms = " ".join(sorted(line.get("arms", ())))
        key = (recipe(line), json.dumps(seeds(line)), arms)
        runs.pop(key, None)
        runs[key] = line
    names = dict.fromkeys(name for name, *_ in reversed(runs))
    return [joined([line for (own, *_), line in runs.items() if own == name]) for name in names]


def recipe(line: Line) -> str:
    """How a line was made, with the digests of its rails where its own words lack them."""
    told, kept = line.get("recipe", ""), line.get("weights")
    found = list(kept.values()) if isinstance(kept, dict) else [kept]
    short = [one[:SHORT] for one in found if isinstance(one, str)]
    new = [one for one in short if one not in told]
    return "; ".join(filter(None, [told, f"weights {' and '.join(short)}" if new else ""]))


def seeds(line: Line) -> list[int]:
    """The seeds that a line is of."""
    return list(line.get("seeds", [line.get("seed", 0)]))


def joined(lines: Sequence[Line]) -> dict[str, Any]:
    """Runs of one recipe: tables and curves by row, remarks one after another, all must have
    passed, else the newest's."""
    whole: dict[str, Any] = {}
    for line in told_apart(lines):
        passed = whole.get("passed", True) and line["passed"]
        seen = dict.fromkeys([*whole.get("seeds", ()), *seeds(line)])
        remarks = dict.fromkeys([*whole.get("remarks", ()), *line.get("remarks", ())])
        for key, value in line.items():
            old = whole.get(key)
            both = isinstance(value, dict) and isinstance(old, dict)
            whole[key] = merged(old, value) if both else value
        whole |= {"passed": passed, "seeds": list(seen), "remarks": list(remarks)}
    return whole | {"recipe": recipe(whole)}


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of both; where both have one, its columns together, the newer value where they
    differ."""
    found = dict(old)
    for key, value in new.items():
        inner = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = merged(found[key], value) if inner else value
    return found


def told_apart(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The lines, their seeds in the names of the rows that another seed's line has otherwise."""
    others = [pair for pair in combinations(lines, 2) if seeds(pair[0]) != seeds(pair[1])]
    for one, two in others:
        _require_curves_apart(one, two)
    clashing = {place for pair in others for place in clashes(*pair)}
    return [_seeded(line, clashing) for line in lines]


def clashes(one: Line, two: Line) -> Iterator[tuple[str, str]]:
    """The figures and rows that two lines have otherwise: (figure, row), no row of a figure alone.

    Rows that name a seed are left out.
    """
    for key in (one.keys() & two.keys()) - set(TOLD):
        old, new = one[key], two[key]
        if tabular(old) and tabular(new):
            yield from ((key, row) for row in _differing(old, new))
        elif old != new:
            yield key, ""


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for row in old.keys() & new.keys():
        cells = old[row].keys() & new[row].keys()
        if not _names_seed(row) and any(old[row][cell] != new[row][cell] for cell in cells):
            yield row


def _names_seed(row: str) -> bool:
    return re.search(r"\bseed -?\d", row) is not None


def _seeded(line: Line, clashing: Iterable[tuple[str, str]]) -> dict[str, Any]:
    places, own = set(clashing), seeds(line)
    told = f", {'seed' if len(own) == 1 else 'seeds'} {', '.join(map(str, own))}"

    def named(key: str, row: str, name: str) -> str:
        return name + told if (key, row) in places else name

    found: dict[str, Any] = {}
    for key, value in line.items():
        rows = (
            {named(key, row, row): cells for row, cells in value.items()}
            if (key not in TOLD and tabular(value))
            else value
        )
        found[named(key, "", key)] = rows
    return found


def _require_curves_apart(one: Line, two: Line) -> None:
    """A curve has no row to put a seed into: its line's name has to have it."""
    drawn, again = one.get("curves", {}), two.get("curves", {})
    for title in drawn.keys() & again.keys():
        old, new = drawn[title]["lines"], again[title]["lines"]
        for name in old.keys() & new.keys():
            if not _names_seed(name) and old[name] != new[name]:
                raise ValueError(
                    f"{one['name']}: {title!r} has two lines {name!r}, of seeds {seeds(one)} and "
                    f"{seeds(two)}; put the seed into the line's name"
                )
