"""UltraTool's tools as a domain: 260 tools without arguments, a request, a chain of them."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from zlib import crc32

import yaml

from bb_core.compiled import Compiled, compile_domain
from bb_core.grammar import Grammar
from bb_core.plan import Plan, Step
from bb_core.scene import scene
from bb_core.schema_file import load_schema
from bb_train.example import Example


@dataclass(frozen=True, slots=True)
class Record:
    """A request and the tools that answer it, in order."""

    id: str
    text: str
    tools: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A domain that is not installed: only its grammar and its plan schema are asked for."""

    schema: str
    name: str = "ultratool"
    version: str = "0"
    dist: str = "benchmarks"

    def ask(self, hook: str) -> Any:
        """The grammar or the plan schema; nothing else."""
        if hook == "grammar":
            text = (files("bb_domains.api_json") / "grammar.lark").read_text("utf-8")
            return Grammar(text, source="api_json/grammar.lark")
        return load_schema(self.schema, "ultratool") if hook == "plan_schema" else None


def domain(folder: Path) -> Compiled:
    """The domain, made of the pack's list of tools."""
    with gzip.open(folder / "ultratool.tools.json.gz", "rt", encoding="utf-8") as file:
        nodes = json.load(file)["nodes"]
    tools = {node["id"]: {"effect": "read", "does": node["desc"]} for node in nodes}
    told = {"plan_schema": 1, "domain": "ultratool", "title": "UltraTool", "tools": tools}
    return compile_domain(Source(yaml.safe_dump(told, sort_keys=False)))


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
