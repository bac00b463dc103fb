"""plan_schema.yaml: what a domain's tools are, need, change and cost.

The file is read into frozen pydantic models. Every error names file:line, what was found and
what to do. The models are data only; `check.py` and `codegen.py` give them their meaning.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from bb_core.effects import Effect

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,47}$")]
Pointer = Annotated[str, Field(pattern=r"^(/[^/]*)*$")]
_TYPE = {
    "anyOf": [{"type": "string", "description": "A named type."}, {"type": "object"}],
    "description": "A named type of this file, or a JSON Schema.",
}
ArgSchema = Annotated[dict[str, Any], WithJsonSchema(_TYPE)]
"""A JSON Schema, or `{"type-name": "OrderId"}` once a bare type name has been read."""

_PATH = r"(?:args|result)(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
_CALL = re.compile(
    rf"^([a-z][a-z0-9_]*)(?:\(({_PATH}(?:, {_PATH}){{0,7}})\))?"
    r"(?: if (not )?result\.([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*))?$"
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _effect(value: object) -> Effect:
    if isinstance(value, Effect):
        return value
    try:
        return Effect.parse(str(value))
    except KeyError:
        names = ", ".join(effect.name.lower() for effect in Effect)
        raise ValueError(f"effect {value!r} is not one of {names}") from None


class Entity(_Model):
    """A thing with state. `read` names the tool that observes one, `arg` its key argument."""

    key: str
    read: Name
    arg: Name


class Fact(_Model):
    """Something a step can establish and another can require.

    `exclusive`: at most one holder in a run. `killed_by_write`: gone after any write to the entity.
    """

    entity: Name
    exclusive: bool = False
    killed_by_write: bool = False
    says: str = ""


class Label(_Model):
    """A flow label: who may read what carries it (None: anyone), and whether it is trusted."""

    readers: frozenset[str] | None = None
    trusted: bool = True


class Condition(_Model):
    """A CEL condition with a name a verdict can cite and a sentence a person can read."""

    id: RuleName
    expr: str
    says: str = ""


class Sink(_Model):
    """What may flow into an argument: labels some `readers` may see, or only trusted values."""

    readers: frozenset[str] | None = None
    trusted: bool = False


class Compensation(_Model):
    """The call that undoes a write. Argument values are paths: `args.x` or `result.y`."""

    tool: Name
    args: dict[Name, str] = {}


class Limits(_Model):
    """Budgets of a run. `sums` bound what tools consume, over all rounds together."""

    steps: int = Field(default=24, ge=1, le=512)
    depth: int = Field(default=16, ge=1)
    width: int = Field(default=12, ge=1)
    writes: int = Field(default=8, ge=0)
    rounds: int = Field(default=4, ge=1)
    sums: dict[Name, int] = {}


class Tool(_Model):
    """One tool: its types, what it needs first, what it changes, what it costs."""

    does: str
    effect: Annotated[
        Effect, BeforeValidator(_effect), WithJsonSchema({"enum": [e.name.lower() for e in Effect]})
    ] = Effect.IRREVERSIBLE
    args: dict[Name, ArgSchema] = {}
    optional: frozenset[str] = frozenset()
    returns: ArgSchema = {}
    echoes: dict[Pointer, Name] = {}
    entity: dict[Name, str] = {}
    requires: tuple[str, ...] = ()
    establishes: tuple[str, ...] = ()
    kills: tuple[str, ...] = ()
    approves: bool = False
    guards: tuple[Condition, ...] = ()
    ensures: tuple[Condition, ...] = ()
    consumes: dict[Name, str] = {}
    once_per: tuple[Name, ...] = ()
    excludes: frozenset[str] = frozenset()
    labels: dict[Pointer, frozenset[str]] = {}
    sinks: dict[Name, Sink] = {}
    declassifies: frozenset[str] = frozenset()
    compensate: Compensation | None = None
    waives: dict[Literal["approval", "compensation"], str] = {}
    fallible: bool = True
    idempotent: bool | None = None
    key: tuple[Name, ...] | None = None
    timeout_s: float = Field(default=10.0, gt=0)
    retries: int = Field(default=0, ge=0, le=10)
    reconcile: Name | None = None
    on_crash: Name | None = None
    unratified: str = ""
    """Where a person would have to say what an imported tool does; empty once somebody has."""

    @property
    def repeatable(self) -> bool:
        """Whether a second identical call changes nothing more: reads, and tools that say so."""
        return self.idempotent if self.idempotent is not None else not self.effect.acts


class ToolsFrom(_Model):
    """The pinned document beside the schema that tools are taken from: openapi.json, tools.json."""

    kind: Literal["openapi", "mcp"]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PlanSchema(_Model):
    """A domain's plan schema, whole and cross-checked."""

    plan_schema: Literal[1]
    domain: Name
    title: str = ""
    tools_from: ToolsFrom | None = None
    types: dict[str, ArgSchema] = {}
    entities: dict[Name, Entity] = {}
    facts: dict[Name, Fact] = {}
    labels: dict[Name, Label] = {}
    limits: Limits = Limits()
    tools: dict[Name, Tool]

    def resolve(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON Schema with named types written out; a named type keeps its name in `x-type`."""
        if "type-name" in schema:
            name = schema["type-name"]
            return {**self.resolve(self.types[name]), "x-type": name}
        out: dict[str, Any] = dict(schema)
        if isinstance(out.get("items"), Mapping):
            out["items"] = self.resolve(out["items"])
        if isinstance(out.get("properties"), Mapping):
            out["properties"] = {k: self.resolve(v) for k, v in out["properties"].items()}
        return out

    @cached_property
    def _args(self) -> dict[str, dict[str, dict[str, Any]]]:
        return {
            t: {n: self.resolve(s) for n, s in tool.args.items()} for t, tool in self.tools.items()
        }

    @cached_property
    def _results(self) -> dict[str, dict[str, Any]]:
        return {name: self.resolve(tool.returns) for name, tool in self.tools.items()}

    def arg(self, tool: str, name: str) -> dict[str, Any]:
        """The resolved JSON Schema of one argument; shared, so not to be changed."""
        return self._args[tool][name]

    def result(self, tool: str) -> dict[str, Any]:
        """The resolved JSON Schema of a tool's result, {} when it promises nothing; shared."""
        return self._results[tool]

    def ends(self, tool: str) -> Iterator[tuple[str, str]]:
        """The facts a call ends, each with the path of what it ends them of (empty: of all).

        A write that names no entity may have changed any.
        """
        spec = self.tools[tool]
        for call in map(FactCall.parse, spec.kills):
            yield call.name, call.term
        for name, fact in self.facts.items() if spec.effect.acts else ():
            if fact.killed_by_write and (fact.entity in spec.entity or not spec.entity):
                yield name, spec.entity.get(fact.entity, "")

    def args_schema(self, tool: str) -> dict[str, Any]:
        """One JSON Schema for a tool's whole argument object."""
        spec = self.tools[tool]
        return {
            "type": "object",
            "properties": {name: self.arg(tool, name) for name in spec.args},
            "required": [name for name in spec.args if name not in spec.optional],
            "additionalProperties": False,
        }


class FactCall(BaseModel):
    """A parsed `requires`, `establishes` or `kills` entry: `observed(args.order_id)`.

    A fact about several things names them all: `on(args.block, args.under)`.

    `given` is the place in the result of the truth value a fact hangs on, and `wanted` what it must
    be: `holding(args.object) if result.held`, `free(result.arm) if not result.held`.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    term: str = ""
    given: str = ""
    wanted: bool = True

    @staticmethod
    @lru_cache(maxsize=4096)
    def parse(text: str) -> "FactCall":
        """Read `name`, `name(args.x)`, `name(result.y)`, `… if result.z`; raises ValueError."""
        match = _CALL.match(text)
        if not match:
            raise ValueError(f"{text!r} is not name, name(args.x) or name(result.y)")
        name, term, negated, given = match.groups()
        return FactCall(name=name, term=term or "", given=given or "", wanted=not negated)
