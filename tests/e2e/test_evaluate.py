"""The evaluation runs for real: the right plans get all marks on the shop, others do not."""

import pytest

pytest.importorskip("torch")

from bb_core import discover
from bb_core.battery import Task
from bb_core.compiled import Compiled, compile_domain
from bb_core.scene import scene
from bb_runtime.rounds import Ask, Draft
from bb_train.evaluate import Evaluator, table
from bb_train.example import Example


@pytest.fixture(scope="module")
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


def example(shop: Compiled, task: Task) -> Example:
    refused = task.expect != "done"
    return Example(
        id=task.id,
        domain=shop.name,
        split="dev",
        scene=scene(task.prompt),
        plan=shop.read(task.rounds[-1]),
        task=task,
        family="refuse" if refused else "indist",
    )


@pytest.fixture(scope="module")
def examples(shop: Compiled) -> list[Example]:
    """Six tasks of one round that act, and three that must be refused."""
    done = [t for t in shop.battery if t.expect == "done" and len(t.rounds) == 1 and t.diff][:6]
    not_done = [t for t in shop.battery if t.expect != "done" and len(t.rounds) == 1][:3]
    return [example(shop, task) for task in (*done, *not_done)]


def test_the_right_plans_end_where_they_should(shop: Compiled, examples: list[Example]) -> None:
    by_request = {e.scene.request: shop.print(e.plan) for e in examples}
    scores = Evaluator(shop).score(examples, lambda ask: Draft(by_request[ask.request]))
    assert all(s.right and s.agreement.exact and not s.acted_wrongly for s in scores)
    found = table(scores)
    assert found["indist"]["right"][0] == found["refuse"]["right"][0] == 1.0
    assert found["all"]["n"] == 9 and found["indist"]["right"][1] < 0.8


def test_another_tasks_plan_acts_wrongly_and_no_plan_does_nothing(
    shop: Compiled, examples: list[Example]
) -> None:
    done = [e for e in examples if e.family == "indist"]
    other = shop.print(done[0].plan)
    scores = Evaluator(shop).score(done, lambda ask: Draft(other))
    assert scores[0].right and not any(s.right or s.agreement.exact for s in scores[1:])
    assert any(s.acted_wrongly for s in scores[1:])

    def silent(ask: Ask) -> Draft:
        return Draft("nonsense")

    nothing = Evaluator(shop).score(examples, silent)
    assert not any(s.checked or s.acted_wrongly for s in nothing)
    assert [s.right for s in nothing] == [e.family == "refuse" for e in examples]
