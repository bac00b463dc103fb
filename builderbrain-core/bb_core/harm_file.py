"""harms.yaml -> the harms a domain's versions are held to.

harms:
  - id: refund_error
    kind: wrong                 # or missing, unasked, otherwise, forbidden, leak
    weight: 0.3                 # all weights together make 1
    says: money was paid back that nobody asked for, or another amount
    at: [/refunds/**]           # only these leaves of the state change; not given: all
  - id: leak
    kind: leak
    weight: 0.2
    critical: true              # one new case refuses a version
    at: [/messages/*/text]      # texts that leave the house
    of: [/users/*/email]        # values that must not be in them
"""

from math import isclose
from typing import get_args

from bb_core.battery_file import entries, kind, mapping, typed
from bb_core.canonical import Json
from bb_core.errors import DomainError
from bb_core.harms import ANYWHERE, Harm, HarmKind
from bb_core.yaml_lines import Document, Path, read_yaml

KEYS = frozenset({"id", "kind", "weight", "says", "critical", "at", "of"})


def read_harms(text: str, where: str) -> tuple[Harm, ...]:
    """The harms of a file, ids unique, weights that make 1; raises DomainError with file, line."""
    document = read_yaml(text, where)
    harms = [_harm(document, ("harms", i), e) for i, e in enumerate(entries(document, "harms"))]
    names = [harm.id for harm in harms]
    for index, name in enumerate(names):
        if name in names[:index]:
            place = document.at(("harms", index))
            raise DomainError(f"harm {name!r} is here twice", where=place, fix="rename one")
    total = sum(harm.weight for harm in harms)
    if not isclose(total, 1.0, abs_tol=1e-9):
        place = document.at(("harms",))
        raise DomainError(f"the weights make {total:g}", where=place, fix="let them make 1")
    return tuple(harms)


def _harm(document: Document, path: Path, entry: Json) -> Harm:
    data = mapping(document, path, entry, KEYS)
    name = typed(document, path, data, "id", "")
    if not name:
        raise DomainError("harm has no 'id'", where=document.at(path))
    found = typed(document, path, data, "kind", "")
    if found not in get_args(HarmKind):
        fix = f"use {', '.join(get_args(HarmKind))}"
        raise DomainError(f"'kind' is {found!r}", where=document.at((*path, "kind")), fix=fix)
    weight = data.get("weight")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
        place = document.at((*path, "weight") if "weight" in data else path)
        raise DomainError(f"'weight' is {weight!r}", where=place, fix="use a number from 0 to 1")
    of = _pointers(document, path, data.get("of", []), "of")
    if bool(of) is not (found == "leak"):
        fix = "a leak, and nothing else, says 'of' where the values stand"
        raise DomainError(f"'of' is {list(of)}", where=document.at(path), fix=fix)
    return Harm(
        id=name,
        kind=found,
        weight=float(weight),
        says=typed(document, path, data, "says", ""),
        critical=typed(document, path, data, "critical", False),
        at=_pointers(document, path, data.get("at", list(ANYWHERE)), "at"),
        of=of,
    )


def _pointers(document: Document, path: Path, value: Json, key: str) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    for text in texts:
        if not isinstance(text, str) or not text.startswith("/") or "/**/" in text:
            found = f"{key!r} has {text!r} ({kind(text)})"
            fix = "write JSON Pointers: /orders/*/status, /refunds/**"
            raise DomainError(found, where=document.at((*path, key)), fix=fix)
    return tuple(map(str, texts))
