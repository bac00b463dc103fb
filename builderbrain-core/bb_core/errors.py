"""Everything bb_core raises on purpose.

BuilderbrainError            what was found, where, what to do
├── DomainError              a plugin cannot be used as a domain
│   ├── GrammarError         grammar.lark does not parse, leaves the fence or fails the fuzz gate
│   └── SchemaError          plan_schema.yaml is not a plan schema
├── PlanError                text or JSON that is not a plan
│   └── Inexpressible        a plan that a builder's decisions cannot say
├── CacheError               a generated file is not what its digest says
└── ToolError                a tool call ended without a result; carries its kind
    └── NoTwin               a domain brings no twin to try its tools on
"""

from typing import Literal

ToolFault = Literal["invalid", "denied", "conflict", "timeout_unknown", "unavailable", "limit"]


class BuilderbrainError(Exception):
    """Base of every expected error: one line a person can act on.

    It can be written down whatever it quotes: half a character is spelled out.
    """

    def __init__(self, found: str, *, where: str = "", fix: str = "") -> None:
        self.found, self.where, self.fix = whole(found), whole(where), whole(fix)
        place = f"{self.where}: " if where else ""
        advice = f". {self.fix[0].upper()}{self.fix[1:]}" if fix else ""
        super().__init__(f"{place}{self.found}{advice}")


def whole(text: str) -> str:
    """The text with every lone surrogate spelled out, so that it can be written down."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class DomainError(BuilderbrainError):
    """A plugin cannot be used as a domain."""


class GrammarError(DomainError):
    """A grammar file does not parse, leaves the fence, or fails the fuzz gate."""


class SchemaError(DomainError):
    """A plan_schema.yaml is not a plan schema."""


class PlanError(BuilderbrainError):
    """Text or JSON that is not a plan."""


class Inexpressible(PlanError):
    """A plan, or a part of one, that a builder's decisions cannot say."""


class CacheError(BuilderbrainError):
    """A generated file is not what its digest says."""


class ToolError(BuilderbrainError):
    """A tool call ended without a result.

    `kind` is closed: invalid and denied never help to repeat; conflict means the world moved;
    unavailable means nothing happened; limit means later; timeout_unknown means nobody knows.
    """

    def __init__(self, kind: ToolFault, found: str, *, where: str = "", fix: str = "") -> None:
        self.kind: ToolFault = kind
        super().__init__(found, where=where, fix=fix)


class NoTwin(ToolError):
    """A domain brings no twin to try its tools on; what needs one is left out, and says so."""

    def __init__(self, domain: str) -> None:
        fix = "write one in tool_adapters.py, or act on a test instance"
        super().__init__("unavailable", "the domain has no twin", where=domain, fix=fix)
