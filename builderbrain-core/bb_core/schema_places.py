"""Every place in arguments and results that a schema names is one that their types describe.

A label at a place that is not there would mark nothing, and what was to be marked would pass for
trusted. Not covered: places of which a type says nothing (`returns: {}`).
"""

from collections.abc import Iterator
from contextlib import suppress

from bb_core.described import SILENT, Schema, described, places
from bb_core.fit import INDEX
from bb_core.nearest import instead
from bb_core.plan import POSITION, escape, tokens
from bb_core.schema import FactCall, PlanSchema, Tool
from bb_core.yaml_lines import Path

Found = tuple[Path, str, str]


def place_findings(schema: PlanSchema, name: str, tool: Tool) -> Iterator[Found]:
    """Labels, echoes and the paths of facts, entities and undoing that name no place."""
    result = schema.result(name)
    for pointer in tool.labels:
        yield from _label(("labels", pointer), pointer, result)
    for pointer in tool.echoes:
        if described(result, tokens(pointer)) is None:
            yield ("echoes", pointer), *_missing(pointer, result)
    for path, text in _paths(tool):
        yield from _path(schema, name, path, text)


def _label(path: Path, pointer: str, result: Schema) -> Iterator[Found]:
    here = tokens(pointer)
    each = [INDEX if POSITION.match(token) else token for token in here]
    if described(result, here) is None:
        yield path, *_missing(pointer, result)
    elif each != here and described(result, each) not in (None, SILENT):
        yield path, f"{pointer!r} is one item of a list", "write * for any item"


def _missing(pointer: str, result: Schema) -> tuple[str, str]:
    known = ["".join(f"/{escape(token)}" for token in place) for place in places(result)]
    return f"{pointer!r} is not in returns", instead(pointer, known)


def _paths(tool: Tool) -> Iterator[tuple[Path, str]]:
    """Each `args.x` and `result.y` of a tool, one by one."""
    told: list[tuple[Path, str]] = [(("entity", e), text) for e, text in tool.entity.items()]
    for key in ("requires", "establishes", "kills"):
        for index, text in enumerate(getattr(tool, key)):
            with suppress(ValueError):  # what is no fact at all is said elsewhere
                told.append(((key, index), FactCall.parse(text).term))
    undo = tool.compensate.args if tool.compensate else {}
    told += [(("compensate", "args", arg), text) for arg, text in undo.items()]
    for path, text in told:
        yield from ((path, one) for one in text.split(", "))


def _path(schema: PlanSchema, name: str, path: Path, text: str) -> Iterator[Found]:
    root, *rest = text.split(".")
    if root == "result":
        whole, what = schema.result(name), "returns"
    elif root == "args" and rest[:1] and rest[0] in schema.tools[name].args:
        whole, what = schema.args_schema(name), "args"
    else:
        return  # not a path, which is said elsewhere
    if described(whole, rest) is None:
        known = [".".join((root, *place)) for place in places(whole) if INDEX not in place]
        yield path, f"{text!r} is not in {what}", instead(text, known)
