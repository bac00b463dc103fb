"""The values that a wording and its plan share: where they stand in both, so that both can change.

A wording becomes pieces: plain text, and the number of a blank where one of its values stood.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bb_core.canonical import Json
from bb_core.plan import Ref, Step, tokens
from bb_core.schema import PlanSchema
from bb_train.data.spelling import spans

Piece = str | int
CLOSED = frozenset({"enum", "const"})


@dataclass(frozen=True)
class Blank:
    """A value of a type. `name` is the argument it fills first; `kind` its type's name."""

    kind: str
    name: str
    schema: Mapping[str, Any]
    value: Json

    @property
    def key(self) -> tuple[str, str]:
        """What makes two blanks one: their type and value."""
        return self.kind, str(self.value)


def blanks_of(schema: PlanSchema, steps: Iterable[Step]) -> list[Blank]:
    """The values that steps write out, each once, closed choices and switches left out."""
    found: dict[tuple[str, str], Blank] = {}
    tools: dict[str, str] = {}
    for step in steps:
        tools[step.id] = step.tool
        for name in step.args:
            for blank in _leaves(schema.arg(step.tool, name), step.args[name], name):
                found.setdefault(blank.key, blank)
        for blank in _condition(schema, step, tools):
            found.setdefault(blank.key, blank)
    return list(found.values())


def _leaves(schema: Mapping[str, Any], value: Any, name: str) -> Iterator[Blank]:
    if isinstance(value, Ref) or CLOSED & schema.keys():
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(schema.get("properties", {}).get(key, {}), item, key)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(schema.get("items", {}), item, name)
    elif value is not None and not isinstance(value, bool):
        yield Blank(schema.get("x-type", type(value).__name__), name, schema, value)


def _condition(schema: PlanSchema, step: Step, tools: Mapping[str, str]) -> Iterator[Blank]:
    """What a condition compares with: read as any amount a named type can spell."""
    if step.when is None or isinstance(step.when.value, bool | str) or step.when.value is None:
        return
    at = at_pointer(schema.result(tools[step.when.ref.step]), step.when.ref.pointer)
    name = tokens(step.when.ref.pointer)[-1] if step.when.ref.pointer else "value"
    if "x-read" in at:
        yield Blank(at["x-type"], name, at, step.when.value)
        return
    for kind in schema.types:
        spelled = schema.resolve({"type-name": kind})
        if "x-read" in spelled and spelled.get("type") == at.get("type"):
            yield Blank(kind, name, spelled, step.when.value)


def at_pointer(schema: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    """The schema of what a pointer names in a value of this schema; {} where it promises none."""
    for token in tokens(pointer):
        if token.isdecimal() and "items" in schema:
            schema = schema["items"]
        else:
            schema = schema.get("properties", {}).get(token, {})
    return schema


def pieces(text: str, blanks: Iterable[Blank]) -> tuple[Piece, ...]:
    """A wording cut at its values; of values that overlap, the longest counts."""
    found = [
        (start, end, index)
        for index, blank in enumerate(blanks)
        for start, end in spans(blank.schema, blank.value, text)
    ]
    found.sort(key=lambda span: (span[0] - span[1], span[0]))
    kept: list[tuple[int, int, int]] = []
    for start, end, index in found:
        if all(end <= other[0] or other[1] <= start for other in kept):
            kept.append((start, end, index))
    return tuple(_cut(text, sorted(kept)))


def _cut(text: str, spans: Iterable[tuple[int, int, int]]) -> Iterator[Piece]:
    at = 0
    for start, end, index in spans:
        if start > at:
            yield text[at:start]
        yield index
        at = end
    if at < len(text):
        yield text[at:]
