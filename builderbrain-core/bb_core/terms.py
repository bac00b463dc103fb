"""Symbolic values: what can be said of an argument before anything has run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bb_core.plan import Ref, Step, Value, refs, value_json
from bb_core.schema import PlanSchema


@dataclass(frozen=True, slots=True)
class Term:
    """A literal (`step` empty, `text` its JSON) or the result of a step at a pointer (`text`)."""

    step: str
    text: str

    def same(self, other: "Term") -> bool | None:
        """Whether both stand for one value: surely, surely not, or (None) nobody knows yet."""
        if self == other:
            return True
        return None if self.step or other.step else False

    def __str__(self) -> str:
        return f"{self.step}{self.text}"


def literal(value: Any) -> Term:
    """The term of plain JSON."""
    return Term("", json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def term(value: Value, steps: Mapping[str, Step], schema: PlanSchema) -> Term:
    """The term of an argument's value, seen through results that echo an argument."""
    if not isinstance(value, Ref):
        return literal(value_json(value)) if not any(refs(value)) else Term("?", repr(value))
    source = steps.get(value.step)
    spec = schema.tools.get(source.tool) if source else None
    if source and spec and value.pointer in spec.echoes:
        return term(source.args.get(spec.echoes[value.pointer]), steps, schema)
    # Two calls of one reading tool with equal arguments are one observation as far as keys go.
    if source and spec and not spec.effect.acts and not any(refs(source.args)):
        call = json.dumps([source.tool, value_json(source.args)], sort_keys=True)
        return Term(f"{call}:", value.pointer)
    return Term(value.step, value.pointer)


def path_value(step: Step, path: str) -> Value:
    """What `args.x` or `result.y` stands for at a step: the argument, or a reference."""
    root, _, rest = path.partition(".")
    if root == "result":
        return Ref(step.id, "/" + rest.replace(".", "/") if rest else "")
    value: Value = step.args
    for key in rest.split("."):
        if isinstance(value, Ref):
            return Ref(value.step, f"{value.pointer}/{key}")
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
