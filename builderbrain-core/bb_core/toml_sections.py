"""TOML sections as frozen dataclasses: every key known, of the default's type, within its range.

An error names the file and the line. A section is a dataclass whose fields all have defaults; the
default says which type the key takes.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn

Path = tuple[str, ...]
Ranges = Mapping[Path, tuple[float, float]]
Fault = Callable[[str, str, str], Exception]
"""What to raise, made from what was found, where, and what to do."""

KINDS: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a decimal",
    dict: "a table",
    list: "a list",
    tuple: "a list",
}


@dataclass(frozen=True)
class Sections:
    """A TOML text, read section by section."""

    text: str
    where: str
    fault: Fault
    ranges: Ranges = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """The whole text as plain values."""
        try:
            return tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:  # a number may be too long to be read
            end = f"(at line {self.text.count(chr(10)) + 1},"
            said = str(error).replace("(at end of document)", end)
            found, _, place = said.partition(" (at line ")
            line = place.partition(",")[0]
            at = f"{self.where}:{line}" if line.isdecimal() else self.where
            raise self.fault(f"is not TOML: {found}", at, "") from error

    def known(self, data: Mapping[str, Any], path: Path, names: Sequence[str]) -> None:
        """Refuse a key that is none of the names."""
        for key in data:
            if key not in names:
                inside = f" in [{'.'.join(path)}]" if path else ""
                known = f"known: {', '.join(names)}"
                self.fail((*path, key), f"unknown key {key!r}{inside}", known)

    def table(self, value: Any, path: Path) -> dict[str, Any]:
        """The value, which must be a table."""
        if not isinstance(value, dict):
            self.fail(path, f"{path[-1]!r} must be a table, found {kind(value)}")
        table: dict[str, Any] = value
        return table

    def section(self, value: Any, path: Path, made: type[Any]) -> Any:
        """A table as a value of its dataclass."""
        data = self.table(value, path)
        defaults = made()
        self.known(data, path, [f.name for f in fields(made)])
        read = {
            key: self.typed((*path, key), found, getattr(defaults, key))
            for key, found in data.items()
        }
        return made(**read)

    def typed(self, path: Path, value: Any, default: Any) -> Any:
        """The value, if it is of its default's type and in range; a list becomes a tuple."""
        wanted = kind(default)
        if kind(value) != wanted and not (wanted == "a decimal" and kind(value) == "a number"):
            self.fail(path, f"{path[-1]!r} must be {wanted}, found {kind(value)}")
        low, high = self.ranges.get(path, (float("-inf"), float("inf")))
        if isinstance(value, int | float) and not low <= value <= high:
            self.fail(path, f"{path[-1]!r} is {value}", f"use {low:g} to {high:g}")
        return tuple(value) if isinstance(value, list) else value

    def fail(self, path: Path, found: str, fix: str = "") -> NoReturn:
        """Raise the fault at the line of a key."""
        raise self.fault(found, f"{self.where}:{self.line(path)}", fix)

    def line(self, path: Path) -> int:
        """The line of a key under its section's header; else of the header, else the first."""
        section: Path = ()
        found = 1
        for number, line in enumerate(self.text.splitlines(), 1):
            header = re.match(r"\s*\[\s*([^\]]+?)\s*\]", line)
            if header:
                section = tuple(part.strip("\"' ") for part in header[1].split("."))
                found = number if path[: len(section)] == section else found
            elif path[: len(section)] == section != path:
                key = re.match(r"""\s*["']?([^"'=.\s]+)["']?\s*[.=]""", line)
                if key and key[1] == path[len(section)]:
                    return number
        return found


def kind(value: object) -> str:
    """What a value is called in an error."""
    return KINDS.get(type(value), type(value).__name__)
