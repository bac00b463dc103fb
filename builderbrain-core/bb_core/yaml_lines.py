"""YAML read as JSON values, with the line each value stands on.

Stricter than YAML on purpose, so that a file means what it looks like: only `null`, `true`,
`false` and JSON numbers are anything but text (`no`, `02139` and `1:30` stay text); a duplicate
key, a merge key, a tag, a second document, deep nesting and a repeated alias that would swell
the file are errors.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from bb_core.canonical import Json
from bb_core.errors import DomainError

LIMIT = 1_000_000
DEPTH = 40
NODES = 200_000
Path = tuple[str | int, ...]
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?\Z")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file's value, and the line of every place in it."""

    value: Json
    lines: Mapping[Path, int]
    where: str

    def at(self, path: Path) -> str:
        """`file:LINE` of a place, or of the nearest place around it that exists."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.where}:{self.lines.get(path, 1)}"


def read_yaml(text: str, where: str) -> Document:
    """Read one YAML document; raises DomainError with file and line."""
    if len(text.encode()) > LIMIT:
        raise DomainError(f"holds more than {LIMIT:,} bytes", where=where, fix="split it")
    try:
        return _Reader(where).read(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        found = f"is not YAML: {error.problem or error.context}"
        if "nesting" in found:  # newer parsers look ahead and stop before the reader's own limit
            found = f"is nested more than {DEPTH} deep"
        raise DomainError(found, where=f"{where}:{line}") from error
    except yaml.YAMLError as error:
        raise DomainError(f"is not YAML: {str(error).splitlines()[0]}", where=where) from error


@dataclass(slots=True)
class _Open:
    """A collection being read."""

    value: dict[str, Json] | list[Json]
    path: Path
    anchor: str | None
    first: int
    key: str | None = None


@dataclass(slots=True)
class _Reader:
    """Builds the value from the event stream, so that no input can exhaust the stack."""

    where: str
    lines: dict[Path, int] = field(default_factory=dict)
    anchors: dict[str, tuple[Json, int]] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    value: Json = None
    nodes: int = 0
    documents: int = 0

    def read(self, events: Iterator[Any]) -> Document:
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                self.documents += 1
                if self.documents > 1:
                    self.fail("holds a second document", line, "keep one")
            elif isinstance(event, yaml.ScalarEvent):
                self.scalar(event, line)
            elif isinstance(event, yaml.AliasEvent):
                self.alias(event.anchor, line)
            elif isinstance(event, yaml.MappingStartEvent):
                self.start({}, event, line)
            elif isinstance(event, yaml.SequenceStartEvent):
                self.start([], event, line)
            elif isinstance(event, yaml.CollectionEndEvent):
                done = self.stack.pop()
                if done.anchor:
                    self.anchors[done.anchor] = (done.value, self.nodes - done.first)
        return Document(self.value, self.lines, self.where)

    def fail(self, found: str, line: int, fix: str = "") -> None:
        raise DomainError(found, where=f"{self.where}:{line}", fix=fix)

    def wants_key(self) -> bool:
        return (
            bool(self.stack)
            and isinstance(self.stack[-1].value, dict)
            and self.stack[-1].key is None
        )

    def scalar(self, event: Any, line: int) -> None:
        if event.tag is not None and event.tag != "!":
            self.fail(f"tag {event.tag} is not read", line, "write a plain value")
        if self.wants_key():
            self.take_key(event.value, line)
            return
        plain = not event.style and event.implicit[0]  # the C parser says "", the other None
        value = self.plain(event.value, line) if plain else event.value
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        self.add(value, line)

    def take_key(self, key: str, line: int) -> None:
        top = self.stack[-1]
        if key == "<<":
            self.fail("merge keys are not read", line, "write the keys out")
        if key in top.value:
            first = self.lines[(*top.path, key)]
            self.fail(f"key {key!r} is here twice, first on line {first}", line, "remove one")
        top.key = key
        self.lines[(*top.path, key)] = line

    def plain(self, text: str, line: int) -> Json:
        if text in _WORDS:
            return _WORDS[text]
        match = _NUMBER.match(text)
        if match:
            return float(text) if match[2] or match[3] else int(text)
        if text.isascii() and text.isdecimal() and not text.startswith("0"):
            self.fail(f"number of {len(text)} digits is too large", line, "quote it if it is text")
        return text

    def start(self, value: dict[str, Json] | list[Json], event: Any, line: int) -> None:
        if self.wants_key():
            self.fail("a key is a list or a mapping", line, "use text as the key")
        if event.tag is not None and event.tag != "!":
            self.fail(f"tag {event.tag} is not read", line, "write a plain value")
        if len(self.stack) >= DEPTH:
            self.fail(f"is nested more than {DEPTH} deep", line)
        first = self.nodes
        path = self.add(value, line)
        self.anchors.pop(event.anchor or "", None)
        self.stack.append(_Open(value, path, event.anchor, first))

    def alias(self, name: str | None, line: int) -> None:
        if self.wants_key():
            self.fail(f"alias *{name} stands for a key", line, "write the key out")
        if name is None or name not in self.anchors:
            self.fail(f"alias *{name} names something unfinished or unknown", line)
        value, size = self.anchors[str(name)]
        self.add(value, line, size)

    def add(self, value: Json, line: int, size: int = 1) -> Path:
        self.nodes += size
        if self.nodes > NODES:
            self.fail(f"swells to more than {NODES:,} values", line, "write fewer aliases")
        if not self.stack:
            self.value = value
            self.lines[()] = line
            return ()
        top = self.stack[-1]
        if isinstance(top.value, list):
            path: Path = (*top.path, len(top.value))
            self.lines[path] = line
            top.value.append(value)
        else:
            key = top.key or ""
            path = (*top.path, key)
            top.value[key] = value
            top.key = None
        return path
