"""Values that a domain's rules pin: with any other in its place, the checker refuses the plan.

`args.place == 'bin'` is one such rule. To exchange its value would drop every plan with that tool.
Not covered: values that are pinned to one another, so that only both may change.
"""

from collections.abc import Mapping
from random import Random

from bb_core.canonical import Json
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.state import State
from bb_core.verdict import Refused
from bb_train.data.clause import Clause, say
from bb_train.data.fresh import Values
from bb_train.data.join import join_plans
from bb_train.data.template import Template

_OTHERS = 4
"""So many other values are tried in a blank's place."""


def pinned(compiled: Compiled, template: Template, values: Values) -> frozenset[int]:
    """The blanks of a template no other value of which the checker lets through.

    None where it is refused as it stands, and where it takes several rounds: what a later one may
    do hangs on what was seen before it.
    """
    if len(template.plans) > 1 or _refused(compiled, template, {}):
        return frozenset()
    return frozenset(
        index
        for index, blank in enumerate(template.blanks)
        if (others := _others(template, index, values))
        and all(_refused(compiled, template, {index: value}) for value in others)
    )


def _others(template: Template, index: int, values: Values) -> list[Json]:
    blank, rng = template.blanks[index], Random(f"{template.task.id}/{index}")
    drawn = [values.fresh(blank, rng, "train") for _ in range(_OTHERS)]
    return [value for value in drawn if value != blank.value]


def _refused(compiled: Compiled, template: Template, values: Mapping[int, Json]) -> bool:
    clause = Clause(template, values)
    state = State(request=say(clause, Random(0), "").text)
    return isinstance(check(compiled, join_plans(compiled, [clause], 0), state), Refused)
