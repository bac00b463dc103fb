"""UltraTool's tools as a domain: 260 tools without arguments, a request, a chain of them."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from plain_source import plain_domain

from bb_core.compiled import Compiled
from bb_core.plan import Plan, Step
from bb_core.scene import scene
from bb_train.example import Example


@dataclass(frozen=True, slots=True)
class Record:
    """A request and the tools that answer it, in order."""

    id: str
    text: str
    tools: tuple[str, ...]


def domain(folder: Path) -> Compiled:
    """The domain, made of the pack's list of tools."""
    with gzip.open(folder / "ultratool.tools.json.gz", "rt", encoding="utf-8") as file:
        nodes = json.load(file)["nodes"]
    tools = {node["id"]: {"effect": "read", "does": node["desc"]} for node in nodes}
    told = {"plan_schema": 1, "domain": "ultratool", "title": "UltraTool", "tools": tools}
    return plain_domain(told)


def records(folder: Path) -> list[Record]:
    """The pack's visible records."""
    with gzip.open(folder / "ultratool.train.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [Record(row["id"], row["input"], tuple(row["nodes"])) for row in rows]


def parts(found: Sequence[Record], dev: int) -> tuple[list[Record], list[Record]]:
    """What is learnt from, and the `dev` records that a hash of their texts puts first."""
    order = sorted(found, key=lambda one: crc32(one.text.encode()))
    return order[dev:], order[:dev]


def example(compiled: Compiled, one: Record) -> Example:
    """A record as an example: each step waits for the one before."""
    steps = tuple(
        Step(f"n{i}", tool, {}, (f"n{i - 1}",) if i > 1 else ())
        for i, tool in enumerate(one.tools, 1)
    )
    plan = Plan(compiled.name, compiled.digest, steps)
    return Example(one.id, compiled.name, "train", scene(one.text), plan)
