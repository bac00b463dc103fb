"""The retail domain, compiled: our plan schema on the surface of api_json."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from bb_core.compiled import Compiled, compile_domain
from bb_core.grammar import Grammar
from bb_core.schema_file import load_schema

HERE = Path(__file__).parent


class Source:
    """A domain that is not installed: only its grammar and its plan schema are asked for."""

    name, version, dist = "tau_retail", "0", "benchmarks"

    def ask(self, hook: str) -> Any:
        """The grammar or the plan schema; nothing else."""
        if hook == "grammar":
            text = (files("bb_domains.api_json") / "grammar.lark").read_text("utf-8")
            return Grammar(text, source="api_json/grammar.lark")
        if hook == "plan_schema":
            text = (HERE / "plan_schema.yaml").read_text("utf-8")
            return load_schema(text, "tau_retail/plan_schema.yaml")
        return None


def retail() -> Compiled:
    """The compiled domain."""
    return compile_domain(Source())
