"""Later rounds of a request: what the rounds before them saw, and the state they left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from bb_core.canonical import Json
from bb_core.compiled import Compiled
from bb_core.plan import Plan, substitute
from bb_core.state import Happened, State, step_after
from bb_runtime.rounds import Observation
from bb_train.data.blanks import CLOSED, Blank
from bb_train.data.fresh import Values, syllables
from bb_train.data.shares import share_of_value
from bb_train.data.template import Template
from bb_train.data.worlds import rewritten

Results = Mapping[str, Json]


def observed(plans: Sequence[Plan], results: Sequence[Results]) -> list[Observation]:
    """What carrying these plans out showed, step by step."""
    return [
        Observation(step.id, step.tool, substitute(step.args, seen), "done", seen[step.id])
        for plan, seen in zip(plans, results, strict=False)
        for step in plan.steps
        if step.id in seen
    ]


def state_after(compiled: Compiled, request: str, seen: Sequence[Observation]) -> State:
    """The state of a run in which this has happened."""
    state = State(request=request)
    for each in seen:
        args = each.args if isinstance(each.args, dict) else {}
        happened = Happened(each.step, each.tool, args, each.result)
        state = step_after(state, compiled.schema, happened)
    return state


@dataclass(frozen=True)
class Shown:
    """Results with other values in them; `names` says what each old text or number became."""

    results: tuple[Results, ...]
    names: Mapping[Json, Json]


def shown(
    compiled: Compiled,
    template: Template,
    results: Sequence[Results],
    names: Mapping[Json, Json],
    values: Values,
    rng: Random,
) -> Shown:
    """A template's results with every typed text fresh and every amount scaled by one factor.

    What `names` renames already keeps that name. Amounts keep their order and sums hold but for
    rounding, and for the next amount that is training's where one has a named type.
    """
    new = dict(names)
    factor = rng.uniform(0.4, 1.2)
    said = _said(template)
    for blank in _typed(compiled, template, results):
        if blank.value in new:
            continue
        if isinstance(blank.value, int):
            kind = blank.schema.get("x-type")
            large = blank.value > 99
            new[blank.value] = _scaled(blank.value, kind, factor) if large else blank.value
        elif "x-type" in blank.schema:
            new[blank.value] = values.fresh(blank, rng, "train")
        elif blank.value in said:
            new[blank.value] = " ".join(syllables(rng).capitalize() for _ in blank.value.split())
    return Shown(tuple(rewritten(dict(seen), new) for seen in results), new)


def _scaled(amount: int, kind: str | None, factor: float) -> int:
    """The amount times the factor; of a named type the first from there that is training's."""
    amounts = count(round(amount * factor))
    return next(n for n in amounts if kind is None or share_of_value(kind, n) == "train")


def _typed(compiled: Compiled, template: Template, results: Sequence[Results]) -> Iterator[Blank]:
    """Every leaf of the results, with its type."""
    for plan, seen in zip(template.plans, results, strict=False):
        for step in plan.steps:
            if step.id in seen:
                yield from _leaves(compiled.schema.result(step.tool), seen[step.id], "")


def _leaves(schema: Mapping[str, Any], value: Json, name: str) -> Iterator[Blank]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(schema.get("properties", {}).get(key, {}), item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(schema.get("items", {}), item, name)
    elif (
        isinstance(value, str | int) and not isinstance(value, bool) and not CLOSED & schema.keys()
    ):
        yield Blank(schema.get("x-type", type(value).__name__), name, schema, value)


def _said(template: Template) -> set[str]:
    """The texts a wording may name that are no value of its plan."""
    text = " ".join(piece for piece in template.pieces if isinstance(piece, str))
    words = text.replace(",", " ").replace(".", " ").split()
    runs = {" ".join(words[a:b]) for a in range(len(words)) for b in range(a + 1, a + 4)}
    return {run for run in runs if run[:1].isupper()}
