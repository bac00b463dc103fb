"""Symbolic values: what can be said of an argument before anything has run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bb_core.canonical import canonical
from bb_core.effects import Effect
from bb_core.plan import Ref, Step, Value, refs, value_json
from bb_core.schema import PlanSchema


@dataclass(frozen=True, slots=True)
class Term:
    """A literal (`step` empty, `text` its JSON) or the result of a step at a pointer (`text`).

    `call` names the reading call behind a result: an equal call, made later, may read otherwise.
    """

    step: str
    text: str
    call: str = field(default="", compare=False)

    def same(self, other: "Term") -> bool | None:
        """Whether both stand for one value: surely, surely not, or (None) nobody knows yet."""
        if self == other:
            return None if self == MISSING else True
        return None if self.step or other.step else False

    def alike(self, other: "Term") -> bool:
        """Whether both are one value, or the same place in the results of two equal readings."""
        twins = self.call and (self.call, self.text) == (other.call, other.text)
        return bool(twins) or self.same(other) is True

    def __str__(self) -> str:
        return f"{self.step}{self.text}"


MISSING = Term("?", "nothing")
"""Stands where an argument was left out: it may be about anything."""


def literal(value: Any) -> Term:
    """The term of plain JSON: `1` and `1.0` are one number."""
    return Term("", canonical(value).decode())


def term(value: Value, steps: Mapping[str, Step], schema: PlanSchema) -> Term:
    """The term of an argument's value, seen through results that echo an argument."""
    if not isinstance(value, Ref):
        return literal(value_json(value)) if not any(refs(value)) else Term("?", repr(value))
    source = steps.get(value.step)
    spec = schema.tools.get(source.tool) if source else None
    if source and spec and value.pointer in spec.echoes:
        return term(source.args.get(spec.echoes[value.pointer]), steps, schema)
    if source and spec and not spec.effect.acts and not any(refs(source.args)):
        call = canonical([source.tool, value_json(source.args)]).decode()
        # A pure tool gives equal calls one result; between two readings the world may change.
        step = f"{call}:" if spec.effect is Effect.PURE else value.step
        return Term(step, value.pointer, call)
    return Term(value.step, value.pointer)


def path_value(step: Step, path: str) -> Value:
    """What `args.x` or `result.y` stands for at a step: the argument, or a reference.

    Several paths, `args.x, args.y`, stand for the list of their values; None if one has none.
    """
    if ", " in path:
        values = [path_value(step, one) for one in path.split(", ")]
        return None if None in values else values
    root, _, rest = path.partition(".")
    if root == "result":
        return Ref(step.id, "/" + rest.replace(".", "/") if rest else "")
    value: Value = step.args
    for key in rest.split("."):
        if isinstance(value, Ref):
            return Ref(value.step, f"{value.pointer}/{key}")
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
