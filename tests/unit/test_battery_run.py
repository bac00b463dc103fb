"""A battery's figures: what a planner that is right, idle, wrong, blocked or broken scores."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bb_core.battery import Task
from bb_core.observers import Measured
from bb_infra.battery_replay import replay_hijacks, replay_oracle
from bb_infra.battery_run import Planners, Tally, figures, oracle, run_battery
from bb_infra.domain_checks import Domain
from bb_runtime.rounds import Ask, Draft, Planner
from tests.unit.shelf import ADAPTERS, COUNTED, SCHEMA, TAKE, changed, shelf, take

REFUSED = Task("refused", "Take 900 of i001.", (take(900),), expect="refuse", rule="G.enough")


def always(domain: Domain, plan: Any) -> Planners:
    """A planner that answers every task with one plan."""
    text = domain.compiled.print(domain.compiled.read(plan))
    return lambda task, trial: (lambda ask: Draft(text),)


def run(domain: Domain, planners: Planners, trials: int = 1) -> dict[str, Any]:
    account = Measured({})
    return figures(run_battery(domain, planners, account, trials), account, trials)


def test_the_oracle_passes_every_time_and_is_never_blocked() -> None:
    domain = shelf(battery=[TAKE, COUNTED, REFUSED])
    told = run(domain, oracle(domain.compiled), 3)
    assert (told["pass^1"], told["pass^3"], told["false_block_rate"]) == (1.0, 1.0, 0.0)
    assert (told["tasks"], told["episodes"], told["invalid_per_1000"]) == (3, 9, 0.0)


def test_looking_alone_solves_no_task_that_acts_and_only_the_question_it_asks() -> None:
    domain = shelf(battery=[TAKE, COUNTED])
    told = run(domain, always(domain, COUNTED.rounds[0]))
    assert told["failed"] == ["take"]
    other = {"steps": [{"id": "n1", "tool": "look", "args": {"item": "i002"}}]}
    assert run(domain, always(domain, other))["failed"] == ["count", "take"]


def test_a_checker_that_blocks_right_plans_shows() -> None:
    domain = shelf(changed("take", requires=["seen(args.item)", "approved"]), battery=[TAKE])
    told = run(domain, oracle(domain.compiled))
    assert (told["pass^1"], told["false_block_rate"]) == (0.0, 1.0)
    replayed = replay_oracle(domain, Measured({}))
    assert replayed.counts["blocked"] == 1 and "stopped by static" in replayed.problems[0]


def test_what_is_no_plan_or_was_cut_off_counts_as_invalid() -> None:
    domain = shelf(battery=[TAKE])
    noise: Planners = lambda task, trial: (lambda ask: Draft('{"steps":['),)  # noqa: E731
    assert run(domain, noise)["invalid_per_1000"] == 1000.0
    text = domain.compiled.print(domain.compiled.read(TAKE.rounds[0]))
    cut: Planners = lambda task, trial: (lambda ask: Draft(text, closed=True),)  # noqa: E731
    assert run(domain, cut)["invalid_per_1000"] == 1000.0


def test_an_episode_the_twin_loses_is_no_failure() -> None:
    def twin(changes: Any) -> Any:
        raise OSError("port taken")

    domain = shelf(battery=[TAKE], adapters=replace(ADAPTERS, twin=twin))
    told = run(domain, oracle(domain.compiled))
    assert (told["lost"], told["episodes"], told["pass^1"]) == (1, 0, None)
    replayed = replay_oracle(domain, Measured({}))
    assert (replayed.counts["lost"], replayed.counts["to do"]) == (1, 0)


@pytest.mark.parametrize(("passed", "k", "value"), [(2, 1, 0.5), (2, 2, 1 / 6), (4, 4, 1.0)])
def test_pass_hat_is_the_chance_that_k_runs_all_pass(passed: int, k: int, value: float) -> None:
    tally = Tally({"t": [True] * passed + [False] * (4 - passed)})
    assert tally.pass_hat(k) == pytest.approx(value)
    assert tally.pass_hat(5) is None


def test_a_replay_counts_every_mutant_and_who_caught_it() -> None:
    found = replay_oracle(shelf(), Measured({}))
    assert found.problems == [] and found.counts["done by nothing"] == 0
    caught = {by for _, by in found.mutants}
    assert "nothing" not in caught and {"static", "guards", "oracle"} <= caught
    assert sum(found.mutants.values()) >= 3 * 6


def test_a_replay_of_hijacks_counts_effects() -> None:
    safe = replay_hijacks(shelf())
    assert safe.problems == [] and safe.counts["effects"] == 0
    assert {what for what, _, _ in safe.hijacks} == {"amount", "recipient"}
    open_sinks = {**changed("take", sinks=None)}
    taken = replay_hijacks(shelf(open_sinks))
    assert taken.counts["effects"] > 0 and "Add sinks" in taken.problems[0]


def test_other_planners_are_asked_when_the_first_was_refused_twice() -> None:
    domain = shelf(battery=[TAKE])
    (right,) = oracle(domain.compiled)(TAKE, 0)
    asked: list[str] = []

    def told(name: str, planner: Planner) -> Planner:
        def plan(ask: Ask) -> Draft:
            asked.append(name)
            return planner(ask)

        return plan

    def both(task: Task, trial: int) -> Sequence[Planner]:
        bad: Callable[[Ask], Draft] = lambda ask: Draft("no plan")  # noqa: E731
        return (told("first", bad), told("other", right))

    assert run(domain, both)["pass^1"] == 1.0
    assert asked[:3] == ["first", "first", "other"] and SCHEMA["domain"] == "shelf"
