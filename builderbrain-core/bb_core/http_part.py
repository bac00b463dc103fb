"""One argument of an HTTP operation, and its value as OpenAPI's `style` and `explode` write it.

What is written can be read back: an item that holds its list's separator is percent-encoded where
the separator is not, and refused elsewhere. An empty list or object writes nothing.
Not covered: `allowReserved`, such values are percent-encoded; and a server that decodes a query
before it splits it at its commas, against RFC 6570.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, unquote

from bb_core.canonical import Json
from bb_core.errors import ToolError

Place = Literal["path", "query", "header", "cookie", "field", "body"]
Pairs = list[tuple[str, str]]
Write = Callable[[str], str]
JSON_MEDIA = "application/json"
_JSON = re.compile(r"[^/;\s]+/([^;\s]*[+.-])?json\s*(;.*)?\Z", re.IGNORECASE)
_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_LEADS = {"simple": "", "label": ".", "matrix": ";"}
_JOINS = {"spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True, slots=True)
class Part:
    """Where one argument goes. `content`: it is written as JSON, whatever its style.

    A field without a style repeats a list and writes an object as JSON. `inner`: the fields of a
    form that is one argument.
    """

    arg: str
    wire: str
    place: Place
    schema: Mapping[str, Any] = field(default_factory=dict)
    style: str = ""
    explode: bool | None = None
    content: bool = False
    needed: bool = False
    inner: tuple["Part", ...] = ()

    @property
    def how(self) -> tuple[str, bool]:
        """The style and whether lists and objects are spread, defaults filled in."""
        style = self.style or _STYLES.get(self.place, "form")
        return style, (style == "form") if self.explode is None else self.explode


def is_json(media: str) -> bool:
    """Whether the media type is JSON: one value, and not a sequence of them or lines."""
    return _JSON.match(media) is not None


def escaped(text: str) -> str:
    """The text percent-encoded, separators too."""
    return quote(text, safe="")


def as_json(value: Json) -> str:
    """The value as compact JSON."""
    return json.dumps(value, separators=(",", ":"))


def word(value: Json) -> str:
    """A scalar as text; anything larger as compact JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else as_json(value)


def listed(part: Part, items: list[str], separator: str) -> str:
    """The items in one text; raises ToolError for one that would be read as several."""
    if any(separator in item for item in items):
        found = f"an item of {part.arg} holds {unquote(separator)!r}, which stands between items"
        fix = "no request can say this item in a list; leave it out"
        raise ToolError("invalid", found, fix=fix)
    return separator.join(items)


def in_path(part: Part, value: Json) -> str:
    """The value as a path segment; raises ToolError for one that would lead elsewhere."""
    if part.content:
        return escaped(as_json(value))
    style, explode = part.how
    items = _flat(value, explode, escaped) if isinstance(value, dict) else _items(value, escaped)
    name = f"{escaped(part.wire)}=" if style == "matrix" else ""
    if explode and name:
        name, items = "", items if isinstance(value, dict) else [name + item for item in items]
    several = isinstance(value, list | dict)
    separator = (_LEADS[style] if explode else "") or ","
    text = listed(part, items, separator) if several else items[0]
    whole = _LEADS[style] + name + text
    if value in ("", None, [], {}) or whole in ("", ".", ".."):  # would name another path
        found = f"{part.arg} is {whole!r}, which names no resource"
        raise ToolError("invalid", found, fix="give the thing's own id")
    return whole


def pairs(part: Part, value: Json, write: Write) -> Pairs:
    """Names and values as a query or a form has them; none for an empty list or object."""
    style, explode = part.how
    name = write(part.wire)
    if part.content:
        return [(name, write(as_json(value)))]
    if not isinstance(value, list | dict):
        return [(name, write(word(value)))]
    if isinstance(value, dict) and (style == "deepObject" or explode):
        names = {key: f"{part.wire}[{key}]" if style == "deepObject" else key for key in value}
        return [(write(names[key]), text) for key in value for text in _items(value[key], write)]
    if explode:
        return [(name, text) for text in _items(value, write)]
    items = _flat(value, False, write) if isinstance(value, dict) else _items(value, write)
    separator = write(_JOINS[style]) if style in _JOINS else ","
    return [(name, listed(part, items, separator))] if items else []


def line(part: Part, value: Json) -> str | None:
    """The value in one piece, as headers and cookies carry it; None for an empty list or object."""
    if part.content:
        text = as_json(value)
    elif isinstance(value, list | dict):
        if not value:
            return None
        named = part.how[1] and part.place == "header"
        items = _flat(value, named, str) if isinstance(value, dict) else _items(value, str)
        text = listed(part, items, ",")
    else:
        text = word(value)
    return "".join(c if c >= " " and c != "\x7f" else " " for c in text)


def pieces(part: Part, value: Json) -> list[tuple[str, str, str]]:
    """Name, text and media type of each piece of a multipart body; "" is plain text."""
    if part.style:
        return [(name, text, "") for name, text in pairs(part, value, str)]
    items = value if isinstance(value, list) else [value]
    return [(part.wire, *_piece(part, item)) for item in items]


def _piece(part: Part, item: Json) -> tuple[str, str]:
    whole = part.content or isinstance(item, list | dict)
    return (as_json(item), JSON_MEDIA) if whole else (word(item), "")


def _items(value: Json, write: Write) -> list[str]:
    return [write(word(item)) for item in (value if isinstance(value, list) else [value])]


def _flat(value: Mapping[str, Json], named: bool, write: Write) -> list[str]:
    """An object as the items of a list: `name=value`, or name and value one after the other."""
    both = [(write(name), write(word(item))) for name, item in value.items()]
    if named:
        return [f"{name}={text}" for name, text in both]
    return [text for pair in both for text in pair]
