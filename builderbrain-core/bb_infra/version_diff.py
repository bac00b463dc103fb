"""What is different between two versions, fact by fact: for a terminal and for the report."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bb_safety.registry import Artifact

NOTHING = "-"
RECORD = "rail.json"


def changes(before: Artifact | None, after: Artifact) -> tuple[tuple[str, str, str], ...]:
    """(what, before, after) of each fact and file that is not the same; None: the base alone."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    names = [*old, *(name for name in new if name not in old)]
    rows = ((name, old.get(name, NOTHING), new.get(name, NOTHING)) for name in names)
    return tuple(row for row in rows if row[1] != row[2])


def _leaves(version: Artifact | None) -> Iterator[tuple[str, str]]:
    if version is None:
        return
    yield from _flat("", version.facts)
    yield from _flat("training", _trained(version))
    for name, sha in version.files.items():
        yield f"file {name}", sha[:19]


def _trained(version: Artifact) -> Mapping[str, Any]:
    """How it was trained, from its rail record; nothing for a version without one."""
    path = version.content / RECORD
    if RECORD not in version.files:
        return {}
    found: Mapping[str, Any] = json.loads(path.read_bytes()).get("trained", {})
    return {key: value for key, value in found.items() if not isinstance(value, dict | list)}


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{path} {key}".strip(), item)
    else:
        text = str(value)
        yield path, text[:19] if text.startswith("sha256:") else text
