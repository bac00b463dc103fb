"""The values that a wording and its plan share: where they stand in both, so that both can change.

A wording becomes pieces: plain text, and the number of a blank where one of its values stood.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bb_core.canonical import Json
from bb_core.plan import Ref, Step, tokens
from bb_core.schema import PlanSchema
from bb_train.data.figures import doubtful, is_figure
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
    for blank, _ in _uses(schema, steps):
        found.setdefault(blank.key, blank)
    return list(found.values())


def unclear(schema: PlanSchema, steps: Iterable[Step]) -> frozenset[str]:
    """The figures among the values that steps write out of which a wording may say any one."""
    uses = [
        (_use(blank, asked), blank.schema, blank.value) for blank, asked in _uses(schema, steps)
    ]
    return doubtful(uses)


def _use(blank: Blank, asked: bool) -> str:
    """What a value stands for: its named type, or the one argument or condition."""
    return str(blank.schema.get("x-type") or f"{asked} {blank.name}")


def _uses(schema: PlanSchema, steps: Iterable[Step]) -> Iterator[tuple[Blank, bool]]:
    """Every value that steps write out, and whether a condition does."""
    tools: dict[str, str] = {}
    for step in steps:
        tools[step.id] = step.tool
        for name in step.args:
            for blank in _leaves(schema.arg(step.tool, name), step.args[name], name):
                yield blank, False
        for blank in _condition(schema, step, tools):
            yield blank, True


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
    kinds = {kind: schema.resolve({"type-name": kind}) for kind in schema.types}
    able = [k for k, t in kinds.items() if "x-read" in t and t.get("type") == at.get("type")]
    for kind in able:
        yield Blank(kind, name, kinds[kind], step.when.value)
    if not able and is_figure(at):
        yield Blank(at.get("x-type", "int"), name, at, step.when.value)


def at_pointer(schema: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    """The schema of what a pointer names in a value of this schema; {} where it promises none."""
    for token in tokens(pointer):
        if token.isdecimal() and "items" in schema:
            schema = schema["items"]
        else:
            schema = schema.get("properties", {}).get(token, {})
    return schema


def pieces(
    text: str, blanks: Iterable[Blank], unclear: frozenset[str] = frozenset()
) -> tuple[Piece, ...]:
    """A wording cut at its values, unclear figures left in; of values that overlap, the longest."""
    found = [
        (start, end, index)
        for index, blank in enumerate(blanks)
        if not (is_figure(blank.schema) and str(blank.value) in unclear)
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
