"""effects.review.yaml: what a person has said about the effects of imported tools.

    tools:
      create_refund:
        from: POST /orders/{order_id}/refunds     # written by the import, like all down to notes
        digest: sha256:…                          # of all the document says of it
        proposed: irreversible
        bounds: {/text: {maxLength: 200}}         # ends the document does not set: look at each
        key: [order_id, item_id]                  # the arguments that make one business intent
        effect: irreversible                      # written by a person
        ratified: {by: Ana Silva, when: 2026-11-25}

A tool is ratified by its effect and the name and date under it, and for this very digest only.
Not covered: whether that person exists, or looked.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bb_core.battery_file import kind, mapping
from bb_core.canonical import Json
from bb_core.effects import Effect
from bb_core.errors import DomainError
from bb_core.imported import Bounds
from bb_core.yaml_lines import Document, Path, read_yaml

FILE = "effects.review.yaml"
_TOP = frozenset({"review", "source", "tools", "refused"})
_OWN = frozenset({"effect", "ratified", "key", "bounds"})
_MADE = frozenset({"from", "says", "digest", "proposed", "because", "least", "notes", "extensions"})
_BOUNDS = {"maxLength": int, "maxItems": int, "minimum": int, "maximum": int, "pattern": str}


@dataclass(frozen=True, slots=True)
class Entry:
    """One imported tool in the review. `effect` is None until somebody ratified it."""

    digest: str
    where: str
    effect: Effect | None = None
    by: str = ""
    when: str = ""
    key: tuple[str, ...] | None = None
    bounds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Review:
    """A review file: its tools in order, and where the document came from."""

    tools: Mapping[str, Entry]
    source: str = ""

    @property
    def bounds(self) -> Bounds:
        """The bounds set on each tool's arguments."""
        return {name: entry.bounds for name, entry in self.tools.items()}


def read_review(text: str, where: str) -> Review:
    """The review in a file's text; raises DomainError with file and line."""
    document = read_yaml(text, where)
    top = mapping(document, (), document.value, _TOP)
    if top.get("review") != 1:
        raise DomainError("is not a review of imported tools", where=where, fix="write review: 1")
    rows = mapping_at(document, ("tools",), top.get("tools") or {})
    tools = {name: _entry(document, ("tools", name), row) for name, row in rows.items()}
    return Review(tools, str(top.get("source") or ""))


def mapping_at(document: Document, path: Path, value: Json) -> dict[str, Any]:
    """The value if it is a mapping, whatever its keys."""
    if not isinstance(value, dict):
        found = f"{path[-1]!r} must be a mapping, found {kind(value)}"
        raise DomainError(found, where=document.at(path))
    return value


def _entry(document: Document, path: Path, row: Json) -> Entry:
    data = mapping(document, path, row, _OWN | _MADE)
    by, when = _signed(document, (*path, "ratified"), data.get("ratified"))
    effect = _effect(document, (*path, "effect"), data.get("effect"))
    if (effect is None) is not (not by):
        found = "an effect and who ratified it go together"
        fix = "write effect: and ratified: {by: NAME, when: YYYY-MM-DD}"
        raise DomainError(found, where=document.at((*path, "ratified")), fix=fix)
    return Entry(
        digest=str(data.get("digest", "")),
        where=document.at(path),
        effect=effect,
        by=by,
        when=when,
        key=_key(document, (*path, "key"), data.get("key")),
        bounds=_bounds(document, (*path, "bounds"), data.get("bounds") or {}),
    )


def _effect(document: Document, path: Path, value: Json) -> Effect | None:
    if value is None:
        return None
    try:
        return Effect.parse(str(value))
    except KeyError:
        names = ", ".join(effect.name.lower() for effect in Effect)
        raise DomainError(
            f"effect {value!r} is not one of {names}", where=document.at(path)
        ) from None


def _signed(document: Document, path: Path, value: Json) -> tuple[str, str]:
    """Who ratified, and on which day; empty when nobody has."""
    data = mapping(document, path, value or {}, frozenset({"by", "when"}))
    by, when = str(data.get("by") or "").strip(), str(data.get("when") or "").strip()
    if not by and not when:
        return "", ""
    try:
        date.fromisoformat(when)
    except ValueError:
        found = f"the day it was ratified is {when!r}"
        raise DomainError(found, where=document.at(path), fix="write when: YYYY-MM-DD") from None
    if not by:
        raise DomainError("ratified names nobody", where=document.at(path), fix="write by: NAME")
    return by, when


def _key(document: Document, path: Path, value: Json) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise DomainError("'key' must be a list of arguments", where=document.at(path))
    return tuple(map(str, value))


def _bounds(document: Document, path: Path, value: Json) -> dict[str, dict[str, Any]]:
    found = mapping_at(document, path, value)
    for place, bounds in found.items():
        known = mapping(document, (*path, place), bounds, frozenset(_BOUNDS))
        if not re.match(r"(/[^/]+)+\Z", place):
            raise DomainError(f"{place!r} is no place", where=document.at((*path, place)))
        for word, bound in known.items():
            if isinstance(bound, bool) or not isinstance(bound, _BOUNDS[word]):
                at = document.at((*path, place, word))
                raise DomainError(f"{word} cannot be {bound!r}", where=at)
    return found
