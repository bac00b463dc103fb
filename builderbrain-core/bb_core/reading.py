"""How a value is written in plain words: readers a type brings, and the values they find in a text.

    Cents:
      type: integer
      x-read:
        - {text: '\\$([0-9]{1,4})[.]([0-9]{2})', as: '{1}{2}'}     # $12.50 -> 1250

`text` is a regular expression; `as` is the value's JSON with `{1}` for the first group. A named
one-word string type needs no reader: its own pattern finds its values.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from bb_core.canonical import Json
from bb_core.errors import SchemaError
from bb_core.structure import validator

READ = "x-read"
_EDGE = "\"'`()[]{}<>,.;:!?"


def values(schema: Mapping[str, Any], texts: tuple[str, ...]) -> tuple[Json, ...]:
    """The values of a type that texts name, each once; none for a type nobody can read."""
    right = validator(json.dumps(schema, sort_keys=True))
    found = [value for value in _candidates(schema, texts) if right.is_valid(value)]
    return tuple(json.loads(text) for text in dict.fromkeys(map(json.dumps, found)))


def _candidates(schema: Mapping[str, Any], texts: tuple[str, ...]) -> Iterator[Json]:
    if READ in schema:
        for reader, template in readers(json.dumps(schema[READ])):
            for text in texts:
                yield from (_value(template, match) for match in reader.finditer(text))
    elif "x-type" in schema and " " not in schema.get("pattern", " "):
        yield from _words(texts)


def _value(template: str, match: re.Match[str]) -> Json:
    text = re.sub(r"\{([0-9])\}", lambda slot: match[int(slot[1])] or "", template)
    try:
        value: Json = json.loads(text)
    except ValueError:
        return None
    return value


@lru_cache(maxsize=256)
def readers(spec: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The readers in an `x-read` entry, given as JSON; raises SchemaError for a wrong one."""
    found = []
    for row in json.loads(spec):
        if not isinstance(row, dict) or row.keys() != {"text", "as"}:
            raise SchemaError(f"a reader is {{text: …, as: …}}, found {row!r}")
        try:
            pattern = re.compile(row["text"])
        except (re.error, TypeError) as error:
            raise SchemaError(f"{row['text']!r} is not a regular expression: {error}") from None
        wanted = [int(n) for n in re.findall(r"\{([0-9])\}", str(row["as"]))]
        if not wanted or max(wanted) > pattern.groups:
            raise SchemaError(f"{row['as']!r} must name groups 1 to {pattern.groups} as {{1}}")
        found.append((pattern, str(row["as"])))
    return tuple(found)


@lru_cache(maxsize=64)
def _words(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The texts cut at blanks, quotes and other marks that no id contains, edges bare."""
    found = (word for text in texts for word in re.split(r"[\s\"'()\[\]{}<>,;]+", text))
    return tuple(dict.fromkeys(bare for word in found if (bare := word.strip(_EDGE))))
