"""How far a plan agrees with the reference plan: exactly, step by step, edge by edge, in edits.

Steps are told apart by what they are, not by their ids or the order they are written in: a step's
print is its tool, its arguments and the prints of the steps it waits for. Two plans are the same
if they have the same prints equally often.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bb_core.canonical import digest_json
from bb_core.compiled import Compiled
from bb_core.distance import edit_distance, shape
from bb_core.fit import at as schema_at
from bb_core.plan import Plan, Ref, Step, Value, tokens
from bb_core.slots import kind_of

Masked = Callable[[str, str], bool]
"""Whether the text at a pointer of a tool's arguments is free: any wording of it is right."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """A plan against its reference. strict: the same plan; exact: the same but for free texts.

    node_f1: over tools, as bags. link_f1: over (tool, tool) pairs of edges, as bags. ged: edits
    over the steps and edges of both plans, in [0, 1]; 0 for the same graph.
    """

    exact: bool
    strict: bool
    node_f1: float
    link_f1: float
    ged: float


NONE = Agreement(exact=False, strict=False, node_f1=0.0, link_f1=0.0, ged=1.0)
"""What no plan at all gets."""


def agreement(plan: Plan, gold: Plan, masked: Masked) -> Agreement:
    """Compare a plan with its reference."""
    a, b = shape(plan), shape(gold)
    size = sum(len(g.labels) + len(g.edges) for g in (a, b))
    edits = edit_distance(plan, gold, seconds=0.5, expansions=20_000).upper
    nodes = f1(Counter(a.labels), Counter(b.labels))
    links = [Counter((g.labels[i], g.labels[j]) for i, j in g.edges) for g in (a, b)]
    return Agreement(
        exact=prints(plan, masked) == prints(gold, masked),
        strict=prints(plan) == prints(gold),
        node_f1=nodes,
        link_f1=f1(*links),
        ged=min(1.0, edits / size) if size else 0.0,
    )


def f1(found: Counter[Any], wanted: Counter[Any]) -> float:
    """2 |A and B| / (|A| + |B|) of two bags; 1 if both are empty."""
    both, size = (found & wanted).total(), found.total() + wanted.total()
    return 2 * both / size if size else 1.0


def prints(plan: Plan, masked: Masked | None = None) -> Counter[str]:
    """The print of every step, as a bag; ids and order of writing do not count."""
    steps = {step.id: step for step in plan.steps}
    done: dict[str, str] = {}
    for step in plan.steps:
        _print(step, steps, done, masked, ())
    return Counter(done.values())


def _print(
    step: Step,
    steps: Mapping[str, Step],
    done: dict[str, str],
    masked: Masked | None,
    above: tuple[str, ...],
) -> str:
    def of(ident: str) -> str:
        if ident not in steps or ident in above:  # no such step, or a circle
            return f"?{ident}"
        return _print(steps[ident], steps, done, masked, (*above, step.id))

    if step.id not in done:
        when = step.when
        done[step.id] = digest_json(
            {
                "tool": step.tool,
                "args": _value(step.args, "", step.tool, of, masked),
                "after": sorted(map(of, step.after)),
                "when": [of(when.ref.step), when.ref.pointer, when.op, when.value]
                if when
                else None,
            }
        )
    return done[step.id]


def _value(
    value: Value, pointer: str, tool: str, of: Callable[[str], str], masked: Masked | None
) -> Any:
    if isinstance(value, Ref):
        return {"$ref": [of(value.step), value.pointer]}
    if isinstance(value, Mapping):
        return {k: _value(v, f"{pointer}/{k}", tool, of, masked) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_value(v, f"{pointer}/{i}", tool, of, masked) for i, v in enumerate(value)]
    free = isinstance(value, str) and masked is not None and masked(tool, pointer)
    return {"$text": True} if free else value


def free_text(compiled: Compiled) -> Masked:
    """Which arguments of a domain's tools are free: texts that no type or choice describes."""

    @cache
    def masked(tool: str, pointer: str) -> bool:
        if tool not in compiled.schema.tools:
            return False
        found = schema_at(compiled.schema.args_schema(tool), tokens(pointer))
        return found is not None and kind_of(found) == "text"

    return masked
