"""A domain made of a schema alone, for tests: it answers its hooks as an installed one does."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bb_core.grammar import Grammar
from bb_core.schema import PlanSchema

GRAMMAR = Path(__file__).parent.parent / (
    "builderbrain-plugins/api_json/bb_domains/api_json/grammar.lark"
)


@dataclass(frozen=True)
class SchemaSource:
    """A schema under the shop's plan language, by name."""

    name: str
    schema: Mapping[str, Any]
    version: str = "0"
    dist: str = "tests"

    def ask(self, hook: str) -> Any:
        if hook == "grammar":
            return Grammar.read(GRAMMAR)
        return PlanSchema.model_validate(self.schema) if hook == "plan_schema" else None
