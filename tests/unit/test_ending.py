"""When a run goes on: on the real shop, by what its rounds did and looked at last."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from bb_core.battery import Task
from bb_core.compiled import Compiled, compile_domain
from bb_core.registry import discover
from bb_infra.battery_run import oracle
from bb_runtime.episode import play
from bb_runtime.rounds import Run
from bb_runtime.trial import Trial, gold

Steps = list[dict[str, Any]]
HARBOR = {"street": "12 Harbor Road", "city": "Dunmore", "zip": "44021"}
MILL = {"street": "7 Mill Lane", "city": "Ashford", "zip": "10233"}


@cache
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


def task(*rounds: Steps, like: str = "address-1") -> Task:
    found = next(one for one in shop().battery if one.id == like)
    return replace(found, rounds=tuple({"steps": steps} for steps in rounds))


def step(ident: str, tool: str, *after: str, **args: Any) -> dict[str, Any]:
    return {"id": ident, "tool": tool, "args": args, "after": list(after)}


WHO = step("n1", "find_user_by_email", email="oscar.weiss@example.com")
ORDER = step("n2", "get_order", "n1", order_id="W1042")


def moved(where: dict[str, str], *after: str) -> Steps:
    ask = step("n3", "confirm", *after, question="Send it there?")
    return [ask, step("n4", "modify_address", "n3", order_id="W1042", address=where)]


AWAY = [WHO, ORDER, *moved(MILL, "n2")]
BACK = moved(HARBOR)
LOOK = step("n5", "get_order", "n4", order_id="W1042")
ASK = step("n5", "confirm", "n4", question="Is that all?")
UNSEEN = step("n5", "get_order", "n1", order_id="W1042")


def ran(one: Task) -> Run:
    (planner,) = oracle(shop())(one, 0)
    return play(shop(), shop().adapters(), one, planner).run


def replayed(one: Task) -> Trial:
    return gold(shop(), shop().adapters(), one)


def test_who_looks_last_after_what_can_be_taken_back_goes_on() -> None:
    one = task([*AWAY, LOOK], BACK)
    assert (ran(one).end, len(ran(one).rounds)) == ("done", 2)
    assert replayed(one).caught == "nothing"


@pytest.mark.parametrize("last", [[], [ASK], [UNSEEN]], ids=["act", "consent", "other-branch"])
def test_who_does_something_and_looks_no_more_is_done(last: Steps) -> None:
    one = task([*AWAY, *last], BACK)
    assert (ran(one).end, len(ran(one).rounds)) == ("done", 1)
    trial = replayed(one)
    assert (trial.caught, len(trial.runs)) == ("oracle", 1)
    assert "round 2 is never asked for" in trial.why[0]


def test_nothing_follows_what_was_done_for_good_whatever_was_looked_at() -> None:
    cancel = [
        step("n1", "find_user_by_email", email="farid.dubois@example.com"),
        step("n2", "get_order", "n1", order_id="W1005"),
        step("n3", "confirm", "n2", question="Cancel?"),
        step("n4", "cancel_order", "n3", order_id="W1005", reason="ordered_by_mistake"),
    ]
    look = step("n5", "get_order", "n4", order_id="W1005")
    again = step("n1", "list_products", category="home")
    one = task([*cancel, look], [again], like="cancel-1")
    assert (ran(one).end, len(ran(one).rounds)) == ("done", 1)
    assert "round 2 is never asked for" in replayed(one).why[0]


def test_a_plan_that_comes_again_is_not_replayed_either() -> None:
    one = task([WHO, ORDER], [WHO, ORDER], BACK)
    assert (ran(one).end, len(ran(one).rounds)) == ("done", 1)
    assert replayed(one).why[0].endswith("the plan of an earlier one, with which a run ends")
