"""The types in a plan schema: valid JSON Schema, no circles, and no argument without an end.

An argument without a bound could keep a decoder writing for ever, so each string needs
`maxLength`, `pattern` or `enum`, and each list `maxItems`.
"""

import json
from collections.abc import Container, Iterator, Mapping
from typing import Any

import jsonschema_rs

from bb_core.errors import SchemaError
from bb_core.keywords import keyword_findings
from bb_core.reading import READ, readers
from bb_core.schema import PlanSchema
from bb_core.yaml_lines import Path

Found = tuple[Path, str, str]
_BOUNDS = frozenset({"maxLength", "pattern", "enum", "const"})


def type_findings(schema: PlanSchema, written: Container[Path] | None = None) -> Iterator[Found]:
    """Unknown names and keywords, empty ranges, circles and invalid JSON Schema, in every type.

    `written`: where the author's own types stand; another's words are taken as they are.
    """
    places: list[tuple[Path, Mapping[str, Any]]] = [
        (("types", name), spec) for name, spec in schema.types.items()
    ]
    for name, tool in schema.tools.items():
        places += [(("tools", name, "args", arg), spec) for arg, spec in tool.args.items()]
        places.append((("tools", name, "returns"), tool.returns))
    for path, spec in places:
        yield from _names(schema, path, spec)
        yield from _valid(path, spec)
        if written is None or path in written:
            yield from keyword_findings(path, spec)
        yield from _readers(path, spec)
    for name in schema.types:
        if _circular(schema, name, ()):
            yield ("types", name), f"type {name!r} is made of itself", "write one of the types out"


def argument_findings(schema: PlanSchema) -> Iterator[Found]:
    """Arguments that could be written without end."""
    for name, tool in schema.tools.items():
        for arg in tool.args:
            yield from _unbounded(("tools", name, "args", arg), schema.arg(name, arg), arg)


def _readers(path: Path, spec: Mapping[str, Any]) -> Iterator[Found]:
    """Readers that are not readers."""
    if READ in spec:
        try:
            readers(json.dumps(spec[READ]))
        except (SchemaError, TypeError) as error:
            yield (*path, READ), getattr(error, "found", str(error)), "see bb_core/reading.py"


def _names(schema: PlanSchema, path: Path, spec: Mapping[str, Any]) -> Iterator[Found]:
    name = spec.get("type-name")
    if name is not None and name not in schema.types:
        known = ", ".join(sorted(schema.types)) or "none"
        yield path, f"unknown type {name!r}", f"add it to types; known: {known}"
    for place, inner in _inner(spec):
        yield from _names(schema, (*path, *place), inner)


def _inner(spec: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The schemas one level inside a schema."""
    for key in ("items", "additionalProperties"):
        if isinstance(spec.get(key), Mapping):
            yield (key,), spec[key]
    properties = spec.get("properties")
    if isinstance(properties, Mapping):
        for key, inner in properties.items():
            if isinstance(inner, Mapping):
                yield ("properties", key), inner


def _circular(schema: PlanSchema, name: str, above: tuple[str, ...]) -> bool:
    if name in above:
        return True
    spec = schema.types.get(name, {})
    return any(_circular(schema, used, (*above, name)) for used in _used(spec))


def _used(spec: Mapping[str, Any]) -> Iterator[str]:
    if "type-name" in spec:
        yield str(spec["type-name"])
    for _, inner in _inner(spec):
        yield from _used(inner)


def _valid(path: Path, spec: Mapping[str, Any]) -> Iterator[Found]:
    plain = _without_names(spec)
    try:
        jsonschema_rs.Draft202012Validator(plain)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        place = tuple(getattr(error, "instance_path", ()))
        reason = str(getattr(error, "message", error)).splitlines()[0][:160]
        yield (*path, *place), f"is not JSON Schema 2020-12: {reason}", ""


def _without_names(spec: Any) -> Any:
    """The schema with named types taken as `true`: each is judged where it is defined."""
    if isinstance(spec, Mapping):
        if "type-name" in spec:
            return True
        return {key: _without_names(item) for key, item in spec.items()}
    return spec


def _unbounded(path: Path, spec: Mapping[str, Any], name: str) -> Iterator[Found]:
    types = spec.get("type")
    kinds = types if isinstance(types, list) else [types]
    if "string" in kinds and not _BOUNDS & set(spec):
        yield path, f"text {name!r} has no bound", "add maxLength, pattern or enum"
    if "array" in kinds and "maxItems" not in spec and "enum" not in spec and "const" not in spec:
        yield path, f"list {name!r} has no bound", "add maxItems"
    for place, inner in _inner(spec):
        yield from _unbounded((*path, *place), inner, str(place[-1]))
