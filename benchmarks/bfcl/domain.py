"""BFCL's functions as domains: one for each set of functions on offer, a call as a plan's step.

A builder is offered the record's own functions alone, as the task has it. Arguments are words of
the request, figures, closed values, or lists of these; a function that must be given an object
cannot be said.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from plain_source import WORDS, plain_domain

from bb_core.canonical import Json
from bb_core.compiled import Compiled
from bb_core.plan import Plan, Step
from bb_core.scene import scene
from bb_core.space import Space
from bb_train.example import Example

GROUPS = {
    "simple_python": "simple",
    "live_simple": "simple",
    "multiple": "multiple",
    "live_multiple": "multiple",
    "parallel": "parallel",
    "parallel_multiple": "parallel",
    "live_parallel": "parallel",
    "live_parallel_multiple": "parallel",
    "irrelevance": "nothing",
    "live_irrelevance": "nothing",
}
LONGEST = 1000
"""Characters of a request that are read, from its end."""
KINDS = {"integer": "integer", "float": "number", "boolean": "boolean"}
MOST = 8
"""Items of a list."""

Call = tuple[str, Mapping[str, Json]]
"""A function's own name, and its arguments by theirs."""
Wanted = tuple[str, Mapping[str, Sequence[Any]]]
"""The same with the values that each argument may have; an empty text among them: it may be left
out."""


@dataclass(frozen=True)
class Function:
    """A function as a tool. `names`: the tool's arguments, and the function's own names of them."""

    own: str
    tool: str
    told: Mapping[str, Any]
    names: Mapping[str, str]


@dataclass(frozen=True)
class Record:
    """A request, the functions on offer, and the calls that are right; none where none is.

    told: all functions on offer, as the pack has them; functions: those that a request can call.
    """

    id: str
    group: str
    text: str
    told: tuple[Mapping[str, Any], ...]
    functions: tuple[Function, ...]
    wanted: tuple[Wanted, ...]

    @property
    def named(self) -> tuple[str, ...]:
        """The names of all functions on offer."""
        return tuple(one["name"] for one in self.told)

    @cached_property
    def offer(self) -> str:
        """The functions on offer as text: records with the same offer share a domain."""
        return json.dumps([(one.tool, one.told) for one in self.functions], sort_keys=True)


def records(folder: Path) -> list[Record]:
    """The records of the groups, those without a function aside."""
    with gzip.open(folder / "single_turn.dev.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [_record(row) for row in rows if row["category"] in GROUPS and row["function"]]


def _record(row: Mapping[str, Any]) -> Record:
    said = "\n".join(turn["content"] for turn in row["question"][0])
    calls = row["possible_answer"] or []
    return Record(
        row["id"],
        GROUPS[row["category"]],
        said[-LONGEST:].strip(),
        tuple(row["function"]),
        tuple(_functions(row["function"])),
        tuple(next(iter(call.items())) for call in calls),
    )


def _functions(told: Sequence[Mapping[str, Any]]) -> Iterator[Function]:
    taken: set[str] = set()
    for one in told:
        tool = plain(one["name"], taken)
        parameters, names = one["parameters"], set[str]()
        args, own = dict[str, Any](), dict[str, str]()
        for name, schema in parameters.get("properties", {}).items():
            kind = _kind(schema)
            if kind is not None:
                arg = plain(name, names)
                args[arg], own[arg] = kind | _told(schema), name
        needed = set(parameters.get("required", ()))
        if needed <= set(own.values()):
            optional = [arg for arg, name in own.items() if name not in needed]
            does = " ".join(one.get("description", "").split())[:400] or one["name"]
            told_so = {"does": does, "effect": "read", "args": args, "optional": optional}
            yield Function(one["name"], tool, told_so, own)


def _told(schema: Mapping[str, Any]) -> dict[str, str]:
    text = schema.get("description")
    return {"description": text} if text else {}


def plain(name: str, taken: set[str]) -> str:
    """A name as tools and arguments may have it, unlike those taken; it is taken then."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    found = re.sub(r"[^a-z0-9]+", "_", parts).strip("_")[:40]
    found = found if found[:1].isalpha() else f"a_{found}"
    same = sum(one.rpartition("__")[0] == found or one == found for one in taken)
    taken.add(found := f"{found}__{same}" if same else found)
    return found


def _kind(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """An argument's schema; None for what a request cannot say."""
    kind = schema.get("type")
    if kind == "array":
        item = _kind(schema.get("items", {}))
        return item and {"type": "array", "items": item, "maxItems": MOST}
    if closed := [value for value in schema.get("enum", ()) if value not in ("", None)]:
        return {"enum": list(dict.fromkeys(closed))}
    if kind in ("string", "any"):
        return dict(WORDS)
    return {"type": KINDS[kind]} if kind in KINDS else None


def domain(one: Record) -> Compiled:
    """The domain of what a record offers; raises DomainError where it is none."""
    tools = {function.tool: function.told for function in one.functions}
    told = {"plan_schema": 1, "domain": "bfcl", "title": "Functions on offer", "tools": tools}
    return plain_domain(told)


def example(space: Space, one: Record) -> Example | None:
    """A record as an example, each value as the request says it; None where it does not."""
    steps = [_step(one, number, call) for number, call in enumerate(one.wanted, 1)]
    compiled = space.compiled
    if None in steps:
        return None
    plan = Plan(compiled.name, compiled.digest, tuple(step for step in steps if step))
    return Example(one.id, compiled.name, "train", scene(one.text), plan)


def _step(one: Record, number: int, wanted: Wanted) -> Step | None:
    name, ways = wanted
    function = next((each for each in one.functions if each.own == name), None)
    if function is None:
        return None
    args: dict[str, Json] = {}
    unknown = ways.keys() - set(function.names.values())
    if any("" not in ways[own] for own in unknown):
        return None
    for arg, own in function.names.items():
        said = _said(one.text, ways.get(own, ("",)), function.told["args"][arg])
        if said is not None:
            args[arg] = said
        elif "" not in ways.get(own, ("",)):
            return None
    return Step(f"n{number}", function.tool, args)


def _said(text: str, ways: Sequence[Any], schema: Mapping[str, Any]) -> Json:
    """The way of giving a value that the request says; None if it says none."""
    return next((found for way in ways if (found := _as_said(text, way, schema)) is not None), None)


def _as_said(text: str, way: Any, schema: Mapping[str, Any]) -> Json:
    if schema.get("type") == "array":
        items = [_as_said(text, item, schema["items"]) for item in way] if way else [None]
        return None if not isinstance(way, list) or None in items else items
    if "enum" in schema:
        return way if way in schema["enum"] else None
    if isinstance(way, bool) or schema["type"] == "boolean":
        return way if isinstance(way, bool) else None
    if isinstance(way, int | float):
        return way if re.search(rf"(?<![\w.]){re.escape(f'{way:g}')}(?![\w])", text) else None
    at = text.lower().find(way.lower()) if isinstance(way, str) and way else -1
    return text[at : at + len(way)] if at >= 0 else None


def calls_of(one: Record, plan: Plan | None) -> list[Call]:
    """A plan's calls under the functions' own names; none for no plan."""
    known = {function.tool: function for function in one.functions}
    return [
        (known[step.tool].own, {known[step.tool].names[k]: v for k, v in step.args.items()})
        for step in (plan.steps if plan else ())
    ]


def right(found: Sequence[Call], one: Record) -> bool:
    """Whether the calls are those wanted, in any order, each argument in one of its ways."""
    left = list(one.wanted)
    for call in found:
        fits = next((wanted for wanted in left if fitting(call, wanted)), None)
        if fits is None:
            return False
        left.remove(fits)
    return not left


def fitting(call: Call, wanted: Wanted) -> bool:
    """Whether a call is one that is wanted."""
    return call[0] == wanted[0] and _fits(call[1], wanted[1])


def _fits(given: Mapping[str, Any], ways: Mapping[str, Sequence[Any]]) -> bool:
    known = all(any(alike(v, way) for way in ways.get(k, ())) for k, v in given.items())
    return known and all("" in ways[k] for k in ways.keys() - given.keys())


def alike(value: Any, way: Any) -> bool:
    """Equal; texts but for case, spaces and punctuation, as BFCL compares them. An object's keys
    have ways of their own."""
    if isinstance(value, dict) and isinstance(way, dict):
        return _fits(value, way)
    if isinstance(value, str) and isinstance(way, str):
        return _bare(value) == _bare(way)
    if isinstance(value, list) and isinstance(way, list):
        return len(value) == len(way) and all(map(alike, value, way))
    return bool(value == way) and isinstance(value, bool) == isinstance(way, bool)


def _bare(text: str) -> str:
    return re.sub(r"[ ,./\-_*^]", "", text).lower().replace("'", '"')
