"""SGD's services as a domain: a tool for every intent, and a dialogue's call as a plan of one step.

A value is what the person said, in the words of the dialogue's state: a service's own form of a
date or time is its adapter's business. Which services a dialogue has is known beforehand: tools of
others are not offered.
"""

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from plain_source import WORDS, plain_domain

from bb_core.compiled import Compiled
from bb_core.plan import Plan, Step
from bb_core.scene import Scene, scene
from bb_train.example import Example

PARTS = ("train", "dev")
LONGEST = 1000
"""Characters of a dialogue that are read, whole turns from its end."""
Said = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Record:
    """A call and the dialogue before it. `said`: the ways each argument may be given, at least one.

    `seen`: whether the service is one of the training dialogues'.
    """

    id: str
    text: str
    services: frozenset[str]
    tool: str
    said: Said
    seen: bool


def domain(folder: Path) -> Compiled:
    """The domain, made of the services of both parts of the pack."""
    services = {one["service_name"]: one for part in PARTS for one in schemas(folder, part)}
    told = {
        "plan_schema": 1,
        "domain": "sgd",
        "title": "Services of dialogues",
        "tools": dict(entry for one in services.values() for entry in _tools(one)),
    }
    return plain_domain(told)


def schemas(folder: Path, part: str) -> list[dict[str, Any]]:
    """The services of a part."""
    return [row["schema"] for row in _rows(folder / f"services.{part}.jsonl.gz")]


def tool(service: str, intent: str) -> str:
    """The name of an intent's tool."""
    return "_".join([service, *re.findall("[A-Z][a-z0-9]*", intent)]).lower()


def _tools(service: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    slots = {one["name"]: one for one in service["slots"]}
    name = service["service_name"]
    for intent in service["intents"]:
        wanted = [*intent["required_slots"], *intent["optional_slots"]]
        yield (
            tool(name, intent["name"]),
            {
                "does": f"{intent['description']} ({service['description']})",
                "effect": "read",
                "args": {slot: _arg(slots[slot]) for slot in wanted},
                "optional": list(intent["optional_slots"]),
            },
        )


def _arg(slot: Mapping[str, Any]) -> dict[str, Any]:
    closed = slot["is_categorical"]
    kind = {"type": "string", "enum": slot["possible_values"]} if closed else WORDS
    return {**kind, "description": slot["description"]}


def records(folder: Path, part: str, seen: frozenset[str]) -> Iterator[Record]:
    """Every call of a part's dialogues."""
    known = {one["service_name"]: one for one in schemas(folder, part)}
    for row in _rows(folder / f"{part}.jsonl.gz"):
        state: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in row["services"]}
        lines: list[str] = []
        for at, turn in enumerate(row["turns"]):
            if "u" in turn:
                lines.append(f"User: {turn['u']}")
                _update(state, turn.get("state", ()))
                continue
            for number, call in enumerate(turn.get("calls", ())):
                name = call["service"]
                yield Record(
                    f"{row['id']}/{at}/{number}",
                    latest(lines),
                    frozenset(row["services"]),
                    tool(name, call["method"]),
                    dict(_said(known[name], call["parameters"], state[name])),
                    name in seen,
                )
            lines.append(f"System: {turn['s']}")


def _update(state: dict[str, dict[str, tuple[str, ...]]], told: Iterable[Any]) -> None:
    for one in told:
        own = state[one["service"]]
        for slot in one.get("dropped", ()):
            own.pop(slot, None)
        for slot, value in one["slots"].items():
            own[slot] = tuple(value) if isinstance(value, list) else (value,)


def _said(
    service: Mapping[str, Any], given: Mapping[str, str], state: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A closed value as the call has it, others in the words of the state."""
    closed = {one["name"] for one in service["slots"] if one["is_categorical"]}
    for slot, value in given.items():
        yield slot, (value,) if slot in closed else state.get(slot, (value,))


def latest(lines: Sequence[str]) -> str:
    """As many turns from the end as may be read."""
    kept, size = list[str](), 0
    for line in reversed(lines):
        size += len(line) + 1
        if kept and size > LONGEST:
            break
        kept.append(line)
    return "\n".join(reversed(kept))


def others(compiled: Compiled, one: Record) -> frozenset[str]:
    """The tools of services that its dialogue does not have."""
    own = tuple(f"{name.lower()}_" for name in one.services)
    return frozenset(name for name in compiled.schema.tools if not name.startswith(own))


def drawn(found: Iterable[Record], count: int, seed: int) -> list[Record]:
    """So many of them, the same ones each time."""
    every = list(found)
    return Random(seed).sample(every, min(count, len(every)))


def asked(one: Record) -> Scene:
    """What a builder reads."""
    return scene(one.text)


def example(compiled: Compiled, one: Record) -> Example:
    """A record as an example."""
    plan = Plan(compiled.name, compiled.digest, (Step("n1", one.tool, wanted(one)),))
    return Example(one.id, compiled.name, "train", asked(one), plan)


def wanted(one: Record) -> dict[str, str]:
    """The arguments to learn: each value in the way that is in the text, the last one said."""
    return {slot: max(ways, key=one.text.rfind) for slot, ways in one.said.items()}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)
