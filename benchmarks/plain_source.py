"""A domain that is not installed: a plan schema, and api_json's grammar for its plans."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

from bb_core.compiled import Compiled, compile_domain
from bb_core.grammar import Grammar
from bb_core.schema_file import load_schema

WORDS = {"type": "string", "pattern": "^[^\\n ]([^\\n]{0,78}[^\\n ])?$"}
"""The type of an argument that a text says in a few words of one line."""


@dataclass(frozen=True)
class PlainSource:
    """Only its grammar and its plan schema are asked for."""

    name: str
    schema: str
    version: str = "0"
    dist: str = "benchmarks"

    def ask(self, hook: str) -> Any:
        """The grammar or the plan schema; nothing else."""
        if hook == "grammar":
            text = (files("bb_domains.api_json") / "grammar.lark").read_text("utf-8")
            return Grammar(text, source="api_json/grammar.lark")
        return load_schema(self.schema, self.name) if hook == "plan_schema" else None


def plain_domain(told: Mapping[str, Any]) -> Compiled:
    """A plan schema, given as a mapping, as a domain."""
    return compile_domain(PlainSource(told["domain"], yaml.safe_dump(told, sort_keys=False)))
