"""A domain whose plans are written in few tokens, for the arms that write plans as text.

Same schema, same checker, another grammar: `compact.lark`. Free texts, which nobody can copy, are
written `"…"` in what these arms learn, so that an arm is never wrong for wording a question.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import BuilderbrainError
from bb_core.grammar import Grammar
from bb_core.plan import Plan, Value
from bb_train.agreement import Masked, free_text
from bb_train.example import Example

TEXT = "..."
_LARK = Path(__file__).parent / "compact.lark"


@dataclass(frozen=True)
class Compact:
    """A domain's source with the compact grammar in place of its own."""

    of: Compiled

    @property
    def name(self) -> str:
        return self.of.name

    @property
    def version(self) -> str:
        return self.of.version

    @property
    def dist(self) -> str:
        return self.of.dist

    def ask(self, hook: str) -> Any:
        return Grammar.read(_LARK) if hook == "grammar" else self.of.source.ask(hook)


@dataclass(frozen=True)
class Written:
    """Plans of one domain as the text arms write them, and back."""

    domain: Compiled
    compact: Compiled
    masked: Masked

    @classmethod
    def of(cls, domain: Compiled) -> "Written":
        return cls(domain, compile_domain(Compact(domain)), free_text(domain))

    def target(self, example: Example) -> str:
        """The reference plan as text; a free text that the request does not hold is `...`."""
        seen = example.scene.text
        steps = [
            replace(
                step,
                args={k: self._said(step.tool, f"/{k}", v, seen) for k, v in step.args.items()},
            )
            for step in example.plan.steps
        ]
        return self.compact.print(replace(example.plan, steps=tuple(steps)))

    def _said(self, tool: str, pointer: str, value: Value, seen: str) -> Value:
        free = isinstance(value, str) and self.masked(tool, pointer)
        return TEXT if free and value not in seen else value

    def text(self, written: str) -> str:
        """What an arm wrote as a text of the domain's own grammar; as it is if it is no plan."""
        try:
            plan: Plan = self.compact.parse(written)
        except BuilderbrainError:
            return written
        return self.domain.print(replace(plan, schema=self.domain.digest))
