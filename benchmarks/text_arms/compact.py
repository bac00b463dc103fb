"""A domain whose plans are written in few tokens, for the arms that write plans as text.

Same schema, same checker, another grammar: `compact.lark`. Free texts that the request does not
hold are written `"..."` in what these arms learn, and `aside` says where all of them stand, so that
an arm is never wrong for the wording of one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import BuilderbrainError
from bb_core.grammar import Grammar
from bb_core.plan import Plan
from bb_core.plan_printer import quote
from bb_train.agreement import Masked, free_text
from bb_train.example import Example

TEXT = "..."
MARK = 0xE000
"""The first of the private characters, which no example has."""
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
        return self._print(example.plan, lambda text: _said(example, text))

    def aside(self, example: Example) -> tuple[tuple[int, int], ...]:
        """Where the target has a free text: the begin and end of each, in characters."""
        texts: list[str] = []

        def mark(text: str) -> str:
            texts.append(quote(_said(example, text))[1:-1])
            return chr(MARK + len(texts) - 1)

        spots, ahead = list[tuple[int, int]](), 0
        for at, char in enumerate(self._print(example.plan, mark)):
            if 0 <= (number := ord(char) - MARK) < len(texts):
                length = len(texts[number])
                spots.append((at + ahead, at + ahead + length))
                ahead += length - 1
        return tuple(spots)

    def _print(self, plan: Plan, free: Callable[[str], str]) -> str:
        steps = [
            replace(
                step,
                args={
                    name: free(value)
                    if isinstance(value, str) and self.masked(step.tool, f"/{name}")
                    else value
                    for name, value in step.args.items()
                },
            )
            for step in plan.steps
        ]
        return self.compact.print(replace(plan, steps=tuple(steps)))

    def text(self, written: str) -> str:
        """What an arm wrote as a text of the domain's own grammar; as it is if it is no plan."""
        try:
            plan: Plan = self.compact.parse(written)
        except BuilderbrainError:
            return written
        return self.domain.print(replace(plan, schema=self.domain.digest))


def _said(example: Example, text: str) -> str:
    return text if text in example.scene.text else TEXT
