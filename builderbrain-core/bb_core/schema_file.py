"""plan_schema.yaml -> PlanSchema, with every error at its `file:line`.

A bare type name where a JSON Schema stands (`order_id: OrderId`) is read as a reference to a named
type. A schema with `tools_from` takes tools from a document beside it (`tools_from.py`). A file is
refused whole: nothing of a schema with one error is used.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from bb_core.battery_file import kind
from bb_core.canonical import Json
from bb_core.errors import DomainError, SchemaError
from bb_core.schema import PlanSchema
from bb_core.schema_rules import Finding, cross_check
from bb_core.yaml_lines import Document, Path, read_yaml

Read = Callable[[str], str]
_NAMES = "lower-case letters, digits and _, at most 48, a letter first"


def load_schema(text: str, where: str, read: Read | None = None) -> PlanSchema:
    """The schema in a file's text; raises its first error, with the number of the others.

    `read` gives the files beside it, for a schema that takes its tools from a document.
    """
    schema, problems = examine(text, where, read)
    if schema is None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise SchemaError(first.found + more, where=first.where, fix=first.fix)
    return schema


def examine(
    text: str, where: str, read: Read | None = None
) -> tuple[PlanSchema | None, list[SchemaError]]:
    """The schema, or None and everything that is wrong with it in the order of its lines."""
    try:
        document = read_yaml(text, where)
        top = _whole(document, read)
    except DomainError as error:
        return None, [SchemaError(error.found, where=error.where, fix=error.fix)]
    try:
        schema = PlanSchema.model_validate(named_types(top))
        findings = list(cross_check(schema, document.lines))
    except ValidationError as error:
        schema, findings = None, [_finding(document, one) for one in error.errors()]
    problems = [SchemaError(f.found, where=document.at(f.path), fix=f.fix) for f in findings]
    return (None if problems else schema), sorted(problems, key=_line)


def _whole(document: Document, read: Read | None) -> dict[str, Any]:
    """The file's value, with the tools it takes from a document."""
    top = document.value
    if not isinstance(top, dict):
        found = f"must be a mapping, found {kind(top)}"
        raise SchemaError(found, where=document.at(()), fix="start with plan_schema: 1")
    if "tools_from" not in top:
        return top
    if read is None:
        found = "takes its tools from a document, which is not at hand here"
        raise SchemaError(found, where=document.at(("tools_from",)))
    from bb_core.tools_from import with_tools  # most schemas take nothing from anywhere

    return with_tools(top, read, document.where)


def _line(problem: SchemaError) -> int:
    return int(problem.where.rpartition(":")[2])


def named_types(top: Mapping[str, Json]) -> dict[str, Any]:
    """The file's value with bare type names written as `{"type-name": …}`."""
    out: dict[str, Any] = dict(top)
    out["types"] = _each(out.get("types", {}))
    tools = out.get("tools")
    if isinstance(tools, dict):
        out["tools"] = {name: _tool(tool) for name, tool in tools.items()}
    return out


def _tool(tool: Any) -> Any:
    if not isinstance(tool, dict):
        return tool
    out = dict(tool)
    if "args" in out:
        out["args"] = _each(out["args"])
    if "returns" in out:
        out["returns"] = _schema(out["returns"])
    return out


def _each(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _schema(item) for key, item in value.items()}


def _schema(value: Any) -> Any:
    if isinstance(value, str):
        return {"type-name": value}
    if not isinstance(value, dict):
        return value
    out = dict(value)
    for key in ("items", "additionalProperties"):
        if isinstance(out.get(key), str | dict):
            out[key] = _schema(out[key])
    if "properties" in out:
        out["properties"] = _each(out["properties"])
    return out


def _finding(document: Document, error: Any) -> Finding:
    """One pydantic error in the words of the file's author."""
    path = _place(document, error["loc"])
    key = error["loc"][-1] if error["loc"] else ""
    what, found = error["type"], error.get("input")
    inside = f" in {'.'.join(map(str, path))}" if path else ""
    if what == "missing":
        return Finding(path, f"key {key!r} is missing{inside}", f"add {key}:")
    if what == "extra_forbidden":
        return Finding(path, f"unknown key {key!r}", f"known here: {_known(error['loc'])}")
    if what == "string_pattern_mismatch":
        if "[/]" in error["ctx"]["pattern"] or error["ctx"]["pattern"].startswith("^(/"):
            return Finding(
                path, f"{found!r} is not a JSON Pointer", "start it with / or leave it empty"
            )
        return Finding(path, f"name {found!r} is not allowed", f"use {_NAMES}")
    if what == "value_error":
        return Finding(path, str(error["ctx"]["error"]))
    if what == "literal_error":
        return Finding(path, f"{found!r} is not allowed", f"use {error['ctx']['expected']}")
    message = error["msg"].removeprefix("Input ").replace("valid dictionary", "mapping")
    return Finding(path, f"{'.'.join(map(str, path)) or 'the file'} {message}, found {kind(found)}")


def _place(document: Document, loc: tuple[str | int, ...]) -> Path:
    """The longest part of pydantic's location that the file has."""
    path: Path = ()
    for token in loc:
        if token == "[key]":  # pydantic's own mark
            break
        if (*path, token) in document.lines:
            path = (*path, token)
    return path


def _known(loc: tuple[str | int, ...]) -> str:
    """The keys the model at this location allows."""
    model: Any = PlanSchema
    for token in loc[:-1]:
        field = getattr(model, "model_fields", {}).get(token)
        if field is not None:
            model = _model_in(field.annotation) or model
    return ", ".join(sorted(model.model_fields))


def _model_in(annotation: Any) -> Any:
    """The pydantic model inside an annotation such as `dict[str, Model]` or `Model | None`."""
    if hasattr(annotation, "model_fields"):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found is not None:
            return found
    return None
