"""The reward of a plan above its alternatives, on the shop's service: decoration earns nothing."""

from dataclasses import replace
from functools import cache

import pytest

from bb_core import discover
from bb_core.battery import Task
from bb_core.compiled import Compiled, compile_domain
from bb_core.plan import Plan, Step
from bb_train.counterfactual import Trials, alternatives


@cache
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


@cache
def trials() -> Trials:
    return Trials(shop(), shop().adapters())


def task(ident: str) -> Task:
    return next(one for one in shop().battery if one.id == ident)


def gold(ident: str) -> Plan:
    return shop().read(task(ident).rounds[-1])


def refused() -> Task:
    return next(one for one in shop().battery if one.expect == "refuse")


def looked_twice(plan: Plan) -> Plan:
    """The plan with a second look at the order before consent is asked for."""
    look = next(s for s in plan.steps if s.tool == "get_order")
    steps: list[Step] = []
    for step in plan.steps:
        waits = (*step.after, "n99") if step.tool == "confirm" else step.after
        steps += [replace(step, after=waits), *([replace(look, id="n99")] if step is look else [])]
    return replace(plan, steps=tuple(steps))


@pytest.mark.parametrize("ident", ["cancel-1", "cancel-4"])
def test_a_plan_whose_every_step_is_needed_earns_all_it_did(ident: str) -> None:
    found = trials().worth(task(ident), gold(ident))
    assert (found.utility, found.reward, found.idle, found.decorative) == (1.0, 1.0, (), False)


def test_a_step_that_does_nothing_takes_the_reward_away() -> None:
    found = trials().worth(task("cancel-1"), looked_twice(gold("cancel-1")))
    assert found.utility == 1.0 and found.reward == 0.0 and found.decorative
    assert "n99" in found.idle and found.nearest.kind == "dropped"


def test_a_plan_no_better_than_the_bases_earns_nothing() -> None:
    plan = gold("cancel-1")
    found = trials().worth(task("cancel-1"), plan, looked_twice(plan))
    assert (found.utility, found.reward, found.nearest.kind) == (1.0, 0.0, "base")


def test_where_nothing_is_to_be_done_doing_nothing_is_best() -> None:
    found = trials().worth(refused(), gold("cancel-1"))
    assert found.reward == 0.0
    assert trials().utilities(refused(), None) == [1.0]


def test_what_changes_something_else_is_worth_less_than_nothing() -> None:
    found = trials().worth(task("cancel-1"), gold("cancel-4"))
    assert found.utility <= 0.0 and found.reward == 0.0


def test_the_alternatives_are_null_base_each_step_dropped_and_tools_swapped() -> None:
    plan, base = gold("cancel-1"), gold("cancel-4")
    kinds = [one.kind for one in alternatives(shop(), plan, base)]
    assert kinds.count("null") == kinds.count("base") == 1
    assert kinds.count("dropped") == len(plan.steps)
    assert [one.kind for one in alternatives(shop(), plan, plan)].count("base") == 0
    for one in alternatives(shop(), plan, swaps=1):
        if one.kind == "swapped":
            assert one.plan is not None and len(one.plan.steps) == len(plan.steps)


def test_over_several_worlds_the_reward_is_a_lower_bound() -> None:
    several = replace(trials(), worlds=({}, {}, {}))
    found = several.worth(task("cancel-1"), gold("cancel-1"))
    assert found.reward == 1.0
    assert several.utilities(task("cancel-1"), gold("cancel-1")) == [1.0] * 3
