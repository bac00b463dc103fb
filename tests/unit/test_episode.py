"""An episode on a twin: what it did, how it ended, and whose fault it was."""

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("fastapi")

from bb_core.adapters import Adapters
from bb_core.battery import Task
from bb_core.compiled import Compiled, compile_domain
from bb_core.harms import harms
from bb_core.plan_printer import print_plan
from bb_core.registry import discover
from bb_runtime.episode import play
from bb_runtime.rounds import Ask, Draft
from bb_safety.errors import ProbeFault


@pytest.fixture(scope="module")
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


@pytest.fixture(scope="module")
def tools(shop: Compiled) -> Adapters:
    return shop.adapters()


def gold(shop: Compiled, task: Task) -> Any:
    texts = [print_plan(shop.surface, shop.read(plan)) for plan in task.rounds]
    return lambda ask: Draft(texts[min(len(ask.observations) > 0, len(texts) - 1)], score=-0.1)


@pytest.mark.parametrize("ident", ["cancel-1", "refuse-1", "notify-1"])
def test_the_reference_plan_does_no_harm(shop: Compiled, tools: Adapters, ident: str) -> None:
    task = next(one for one in shop.battery if one.id == ident)
    episode = play(shop, tools, task, gold(shop, task)).episode
    assert not any(harms(shop.harms, episode))
    assert episode.diff == (task.diff if task.expect == "done" else {})
    assert episode.confidence == pytest.approx(0.905, abs=1e-3)


def test_a_planner_that_raises_has_failed(shop: Compiled, tools: Adapters) -> None:
    def broken(ask: Ask) -> Draft:
        raise RuntimeError("out of memory")

    episode = play(shop, tools, shop.battery[0], broken).episode
    assert episode.end == "refused" and not episode.diff
    assert any(harms(shop.harms, episode))


def test_a_twin_that_breaks_says_nothing_of_the_planner(shop: Compiled, tools: Adapters) -> None:
    def gone(changes: Any) -> Any:
        raise OSError("no port left")

    with pytest.raises(ProbeFault, match="cancel-1: its twin does not start: OSError"):
        play(shop, replace(tools, twin=gone), shop.battery[0], gold(shop, shop.battery[0]))


def test_a_tool_that_cannot_be_reached_is_a_broken_probe(shop: Compiled, tools: Adapters) -> None:
    def troubled(changes: Any) -> Any:
        world = tools.twin(changes)
        world.trouble({"operation": "get_order", "kind": "unavailable"})  # type: ignore[attr-defined]
        return world

    task = shop.battery[0]
    with pytest.raises(ProbeFault, match="get_order was unavailable"):
        play(shop, replace(tools, twin=troubled), task, gold(shop, task))
