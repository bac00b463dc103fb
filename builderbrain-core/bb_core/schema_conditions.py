"""Every condition and amount of a schema is CEL, and reads what is there when it is judged.

A guard on a field that is not there refuses every call, or, behind `||` or `has`, holds nothing.
Not covered: values (`status == 'opne'`), and places of which a type says nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bb_core.cel_paths import cel_paths
from bb_core.described import Schema, described, places
from bb_core.fit import INDEX
from bb_core.nearest import instead
from bb_core.schema import PlanSchema, Tool
from bb_core.yaml_lines import Path

Found = tuple[Path, str, str]
_TYPES = frozenset(("bool", "int", "uint", "double", "string", "bytes", "list", "map", "type"))


class _Source(NamedTuple):
    """What a name stands for in a condition, and how to say that a field is not in it."""

    schema: Schema
    lacks: str


_Scope = Mapping[str, _Source]


def condition_findings(schema: PlanSchema, name: str, tool: Tool) -> Iterator[Found]:
    """Guards, promises and amounts that are not CEL, or read what is not there."""
    args = {"args": _Source(schema.args_schema(name), f"{name} does not take")}
    for total, expr in tool.consumes.items():
        yield from _condition(schema, ("consumes", total), total, expr, args)
    held: dict[str, Schema] = {fact: {} for fact, spec in schema.facts.items() if spec.exclusive}
    closed = {"type": "object", "properties": held, "additionalProperties": False}
    both = {**args, "facts": _Source(closed, "is no exclusive fact")}
    scopes = {
        "guards": {**both, **_entities(schema, tool)},
        "ensures": {**both, "result": _Source(schema.result(name), f"{name} does not return")},
    }
    seen: set[str] = set()
    for key, scope in scopes.items():
        for index, condition in enumerate(getattr(tool, key)):
            path = (key, index)
            if condition.id in seen:
                yield path, f"condition id {condition.id!r} is here twice", "rename one"
            seen.add(condition.id)
            yield from _condition(schema, (*path, "expr"), condition.id, condition.expr, scope)


def _entities(schema: PlanSchema, tool: Tool) -> _Scope:
    """The things a tool is about, each as its reading tool returns it."""
    found: dict[str, _Source] = {}
    for name in tool.entity:
        read = schema.entities[name].read if name in schema.entities else ""
        shape = schema.result(read) if read in schema.tools else {}
        found[name] = _Source(shape, f"{read} does not return")
    return found


def _condition(
    schema: PlanSchema, path: Path, name: str, expr: str, scope: _Scope
) -> Iterator[Found]:
    import cel  # 0.3 s to import; only needed where a tool has conditions

    try:
        read: Any = cel.compile(expr).variables()
    except Exception as error:
        reason = str(error).partition("ERROR: <input>:1:")[2].partition(" expecting")[0] or str(
            error
        )
        found = f"{name!r} is not CEL: column {' '.join(reason.split())[:120]}"
        yield path, found, "see cel.dev for the language"
        return
    for root, *fields in cel_paths(expr):
        if root in scope:
            yield from _field(path, name, (root, *fields), scope[root])
        elif root in read and root not in _TYPES:
            fix = instead(root, scope)
            if root in schema.entities and "facts" in scope:
                fix = f"say under entity which one: {root}: args.x"
            yield path, f"{name!r} speaks of {root!r}, which is not known here", fix


def _field(path: Path, name: str, place: tuple[str, ...], source: _Source) -> Iterator[Found]:
    root, *fields = place
    here = source.schema
    for token in fields:
        below = described(here, [token])
        if below is None and token == INDEX:
            return  # a macro on an object sees its keys
        if below is None:
            known = [_dotted((root, *one)) for one in places(source.schema)]
            found = f"{name!r} reads {_dotted(place)}, which {source.lacks}"
            yield path, found, instead(_dotted(place), known)
            return
        here = below


def _dotted(place: tuple[str, ...]) -> str:
    return ".".join(place).replace(f".{INDEX}", f"[{INDEX}]")
