"""A compiled domain's generated files: a checker and typed models a person can read.

Same schema, same bytes. The checker is the list of every obligation of every tool, in the order the
rule families are told; the engine behind the lines is `bb_core.at`. What is generated is what runs.
"""

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bb_core.effects import Effect
from bb_core.schema import FactCall, PlanSchema, Tool
from bb_core.tool_names import plan_name, unused


def checker_source(schema: PlanSchema) -> str:
    """The Python source of the domain's checker: one function a tool, and `CHECKS`."""
    parts = [
        f'"""Obligations of every tool of {schema.domain}. Generated; edit plan_schema.yaml."""\n'
    ]
    for name, tool in schema.tools.items():
        lines = "\n".join(f"    {line}" for line in _obligations(tool))
        parts.append(f"\n\ndef {_function(name)}(at):\n    {_doc(tool)}\n{lines}\n")
    rows = "\n".join(f'    "{name}": {_function(name)},' for name in schema.tools)
    return "".join(parts) + f"\n\nCHECKS = {{\n{rows}\n}}\n"


def _function(tool: str) -> str:
    """The tool's own name, unless Python has another use for it here."""
    taken = keyword.iskeyword(bare := tool.rstrip("_")) or bare == "frozenset"
    return f"{tool}_" if taken else tool


def _doc(tool: Tool) -> str:
    return repr(f"{tool.does} [{tool.effect.name.lower()}]")


def _obligations(tool: Tool) -> Iterator[str]:
    yield "at.types()"
    if tool.unratified:
        yield f"at.unratified({tool.unratified!r})"
    for text in tool.requires:
        call = FactCall.parse(text)
        if text == "approved":
            yield "at.approved()"
        elif call.term:
            yield f"at.requires({call.name!r}, {call.term!r})"
        else:
            yield f"at.requires({call.name!r})"
    if tool.effect is Effect.IRREVERSIBLE:
        yield "at.before_irreversible()"
    if tool.excludes:
        yield f"at.excludes({', '.join(map(repr, sorted(tool.excludes)))})"
    if tool.effect.acts:
        yield "at.no_race()"
        yield "at.control()"
    if tool.once_per:
        yield f"at.once_per({', '.join(map(repr, tool.once_per))})"
    for arg, sink in tool.sinks.items():
        readers = (
            f", readers=frozenset({sorted(sink.readers)!r})" if sink.readers is not None else ""
        )
        trusted = ", trusted=True" if sink.trusted else ""
        yield f"at.sink({arg!r}{readers}{trusted})"
    for guard in tool.guards:
        yield f"at.guard({guard.id!r}, {guard.expr!r}, {guard.says!r})"
    for ensure in tool.ensures:
        yield f"at.ensures({ensure.id!r}, {ensure.expr!r}, {ensure.says!r})"


def load_checks(source: str, name: str) -> dict[str, Any]:
    """The `CHECKS` table of a generated checker."""
    scope: dict[str, Any] = {"__name__": f"checker of {name}"}
    exec(compile(source, f"<checker of {name}>", "exec"), scope)
    checks: dict[str, Any] = scope["CHECKS"]
    return checks


def models_source(schema: PlanSchema) -> str:
    """Typed pydantic models of every tool's arguments and result, for authors of adapters."""
    head = [
        f'"""Typed arguments and results of {schema.domain}; made from plan_schema.yaml."""\n',
        "\nfrom typing import Annotated, Any, Literal\n",
        "\nfrom pydantic import BaseModel, ConfigDict, Field\n",
        "\n\nclass Strict(BaseModel):\n",
        '    model_config = ConfigDict(extra="forbid", frozen=True)\n',
    ]
    out: list[str] = []
    for name, type_schema in schema.types.items():
        out.append(f"\n\n{name} = {_type(schema.resolve(type_schema), name, out)}\n")
    for name in schema.tools:
        title = "".join(part.title() for part in name.split("_"))
        _model(schema.args_schema(name), f"{title}Args", out)
        result = schema.result(name)
        if result.get("type") == "object":
            _model(result, f"{title}Result", out)
    return "".join(head + out)


def _model(schema: Mapping[str, Any], name: str, out: list[str]) -> str:
    fields = []
    required, taken = set(schema.get("required", ())), set(schema.get("properties", {}))
    for key, sub in schema.get("properties", {}).items():
        part = re.sub(r"[^A-Za-z0-9]", "", key.title())
        kind = _type(sub, f"{name}{part}", out)
        field = key if _spellable(key) else unused(plan_name(key), taken)
        taken.add(field)
        fields.append(f"    {field}: {_field(kind, key, field, key in required)}")
    body = "\n".join(fields) or "    pass"
    out.append(f"\n\nclass {name}(Strict):\n{body}\n")
    return name


def _spellable(key: str) -> bool:
    """Whether a pydantic field can have this name."""
    return key.isidentifier() and not keyword.iskeyword(key) and not key.startswith("_")


def _field(kind: str, key: str, field: str, needed: bool) -> str:
    """A field's type and default; one with a name of its own keeps the system's as its alias."""
    if field == key:
        return kind if needed else f"{kind} | None = None"
    return (
        f"{kind} = Field(alias={key!r})"
        if needed
        else (f"{kind} | None = Field(default=None, alias={key!r})")
    )


def _type(schema: Mapping[str, Any], name: str, out: list[str]) -> str:
    if "x-type" in schema:
        return str(schema["x-type"])
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    match schema.get("type"):
        case "string":
            return _bounded(
                "str",
                schema,
                {"pattern": "pattern", "minLength": "min_length", "maxLength": "max_length"},
            )
        case "integer":
            return _bounded("int", schema, {"minimum": "ge", "maximum": "le"})
        case "number":
            return _bounded("float", schema, {"minimum": "ge", "maximum": "le"})
        case "boolean":
            return "bool"
        case "null":
            return "None"
        case "array":
            return f"list[{_type(schema.get('items', {}), name, out)}]"
        case "object" if schema.get("properties"):
            return _model(schema, name, out)
    return "Any"


def _bounded(kind: str, schema: Mapping[str, Any], words: Mapping[str, str]) -> str:
    bounds = [f"{ours}={schema[theirs]!r}" for theirs, ours in words.items() if theirs in schema]
    return f"Annotated[{kind}, Field({', '.join(bounds)})]" if bounds else kind
