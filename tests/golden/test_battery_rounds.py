"""A battery's plans, handed out round by round to the loop that users run, end as when replayed."""

import pytest

from bb_core.battery import Task
from bb_core.compiled import Compiled, compile_domain
from bb_core.registry import discover
from bb_infra.battery_run import oracle
from bb_runtime.episode import play
from bb_runtime.trial import gold


@pytest.mark.parametrize("name", ["api_json", "phone", "robots", "social"])
def test_every_task_is_played_as_it_is_replayed(name: str) -> None:
    home = compile_domain(discover().get(name))
    doable = [task for task in home.battery if task.expect == "done"]
    assert any(len(task.rounds) > 1 for task in doable)
    for task in doable:
        _played_as_replayed(home, task)


def _played_as_replayed(home: Compiled, task: Task) -> None:
    adapters = home.adapters()
    replayed = gold(home, adapters, task)
    assert replayed.caught == "nothing", (task.id, replayed.why)
    (planner,) = oracle(home)(task, 0)
    played = play(home, adapters, task, planner).episode
    assert (played.end, played.diff) == ("done", replayed.diff), task.id
    assert list(played.plans) == [home.read(plan).digest for plan in task.rounds], task.id
