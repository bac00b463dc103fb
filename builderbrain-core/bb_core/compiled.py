"""A domain, compiled: parser, mask grammar, validators, typed models and checker from its files.

Same grammar and schema, same bytes, same digest. The digest goes into every plan and every record.
Everything generated is written to the content-addressed cache; only the parser is read back from
it, because the rest is made as quickly as read.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import jsonschema_rs

from bb_core import cache, codegen
from bb_core.battery import Task
from bb_core.cache_limit import read_or_make
from bb_core.canonical import digest
from bb_core.errors import DomainError
from bb_core.grammar import Grammar, load_parser, mask_text, save_parser
from bb_core.harms import DEFAULT, Harm
from bb_core.lint import admit
from bb_core.plan import Plan, from_json
from bb_core.plan_printer import print_plan
from bb_core.plan_reader import parse_plan
from bb_core.schema import PlanSchema
from bb_core.skins import Skin
from bb_core.surface import Surface
from bb_core.surface_reader import read_surface

if TYPE_CHECKING:
    from lark import Lark

    from bb_core.adapters import Adapters
    from bb_core.at import At

GENERATOR = 1
"""Raised when the same schema is to give other generated files."""


class Source(Protocol):
    """What is compiled: a registered domain that answers its hooks by name."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def dist(self) -> str: ...
    def ask(self, hook: str) -> Any:
        """The domain's own answer to one hook; None when it has none."""
        ...


@dataclass(frozen=True)
class Compiled:
    """One domain ready for use. `files` are the generated ones, by name."""

    name: str
    version: str
    dist: str
    digest: str
    grammar: Grammar
    schema: PlanSchema
    surface: Surface
    parser: "Lark"
    checks: Mapping[str, "Callable[[At], None]"]
    validators: Mapping[str, jsonschema_rs.Draft202012Validator]
    arg_validators: Mapping[tuple[str, str], jsonschema_rs.Draft202012Validator]
    result_validators: Mapping[str, jsonschema_rs.Draft202012Validator]
    files: Mapping[str, bytes]
    source: Source

    @cached_property
    def battery(self) -> Sequence[Task]:
        """The domain's tasks; empty when it brings none."""
        return tuple(self.source.ask("eval_battery") or ())

    @cached_property
    def skins(self) -> Sequence[Skin]:
        """The domain's skins; empty when it brings none."""
        return tuple(self.source.ask("invariance_skins") or ())

    @cached_property
    def harms(self) -> Sequence[Harm]:
        """What the domain's versions are held to; `DEFAULT` when it says nothing."""
        return tuple(self.source.ask("ops_metrics") or DEFAULT)

    def adapters(self) -> "Adapters":
        """The domain's tools; raises DomainError when it can plan but not act."""
        found: Adapters | None = self.source.ask("tool_adapters")
        if found is None:
            raise DomainError("has no tool adapters, so its plans cannot run", where=self.name)
        # A tool that approves needs no adapter: asking for consent is the executor's.
        acting = {name for name, tool in self.schema.tools.items() if not tool.approves}
        missing = sorted(acting - found.tools.keys())
        if missing:
            raise DomainError(
                f"no adapter for: {', '.join(missing)}",
                where=self.name,
                fix="add them to tool_adapters.py",
            )
        return found

    def parse(self, text: str) -> Plan:
        """Plan text of this domain's surface to a plan; raises PlanError with line and caret."""
        return parse_plan(self.parser, text, self.name, self.digest)

    def print(self, plan: Plan) -> str:
        """A plan as text; `parse` reads it back to an equal plan."""
        return print_plan(self.surface, plan)

    def read(self, data: Any) -> Plan:
        """A plan from JSON: a whole document, `{"steps": …}` or the bare list of steps."""
        body = {"steps": data} if isinstance(data, list) else data
        return from_json(body, domain=self.name, schema=self.digest)


def compile_domain(source: Source, home: Path | None = None) -> Compiled:
    """Compile a registered domain; raises DomainError with file and line."""
    grammar, schema = _asked(source, "grammar", Grammar), _asked(source, "plan_schema", PlanSchema)
    if schema.domain != source.name:
        raise DomainError(
            f"plan_schema.yaml is for {schema.domain!r}",
            where=source.name,
            fix=f"write domain: {source.name}",
        )
    sha = schema_digest(grammar, schema)
    folder = (home or cache.cache_home()) / "domains" / sha.removeprefix("sha256:")
    files = read_or_make(folder, lambda: generate(grammar, schema))
    return Compiled(
        name=source.name,
        version=source.version,
        dist=source.dist,
        digest=sha,
        grammar=grammar,
        schema=schema,
        surface=read_surface(grammar),
        parser=load_parser(files["parser.txt"]),
        # Generated again, never read back: what runs as code does not come out of a cache folder.
        checks=codegen.load_checks(codegen.checker_source(schema), schema.domain),
        validators={name: _validator(schema.args_schema(name)) for name in schema.tools},
        arg_validators={
            (t, n): _validator(schema.arg(t, n)) for t in schema.tools for n in schema.tools[t].args
        },
        result_validators={name: _validator(schema.result(name)) for name in schema.tools},
        files=files,
        source=source,
    )


def generate(grammar: Grammar, schema: PlanSchema) -> dict[str, bytes]:
    """Every generated file of a domain, by name. Same input, same bytes."""
    parser = admit(grammar)
    tools = {
        name: {"args": schema.args_schema(name), "returns": schema.result(name)}
        for name in schema.tools
    }
    return {
        "parser.txt": save_parser(parser),
        "mask.lark": mask_text(grammar).encode(),
        "validators.json": json.dumps(tools, indent=1, sort_keys=True, ensure_ascii=False).encode(),
        "models.py": codegen.models_source(schema).encode(),
        "checker.py": codegen.checker_source(schema).encode(),
    }


def _asked(source: Source, hook: str, kind: type[Any]) -> Any:
    answer = source.ask(hook)
    if not isinstance(answer, kind):
        found = "nothing" if answer is None else type(answer).__name__
        raise DomainError(
            f"its hook {hook}() gave {found}, not a {kind.__name__}", where=source.name
        )
    return answer


def _validator(schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(dict(schema))


def schema_digest(grammar: Grammar, schema: PlanSchema) -> str:
    """The digest of what a plan is written for: grammar and schema, order of tools included.

    Only what a schema says counts, so that a core that can say more changes no digest. A default
    that changes its meaning raises GENERATOR.
    """
    said = schema.model_dump(exclude_defaults=True)
    made_from = [GENERATOR, grammar.text, grammar.mode, _plain(said)]
    return digest(json.dumps(made_from, ensure_ascii=False).encode())


def _plain(value: Any) -> Any:
    """JSON with sets in order; what has an order of its own keeps it."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
