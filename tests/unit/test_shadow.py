"""The shadow: same tasks and seeds for every arm, broken probes apart from harm, stopping early."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from bb_core.battery import Task
from bb_core.harms import DEFAULT, Episode
from bb_core.skins import Skin
from bb_safety import Divergence, Evidence, Golden, Pair, Policy, ProbeError
from bb_safety.errors import EvidenceError, ProbeFault
from bb_safety.promote import gate
from bb_safety.shadow import Arms, Play, drawn, draws_digest, gathered, metrics, pairs, variants

TASKS = tuple(Task(f"t{n}", f"do {n}", (), diff={f"/x/{n}": n}, also=(f"{n}!",)) for n in range(9))
A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def right(task: Task, seed: int) -> Episode:
    return Episode(task, {}, dict(task.diff), "done", confidence=0.9)


def wrong_when(bad: Callable[[Task, int], bool]) -> Play:
    def play(task: Task, seed: int) -> Episode:
        return replace(right(task, seed), diff={}) if bad(task, seed) else right(task, seed)

    return play


def start(**changes: Any) -> Evidence:
    told = {"candidate": B, "incumbent": A, "anchor": A, "metrics": metrics(DEFAULT)}
    return Evidence(**{**told, "golden": (Golden("plans", True),), **changes})


def near(task: Task) -> dict[str, tuple[float, ...]]:
    return {"incumbent": (0.0, 0.0)}


def run(arms: Arms, most: int = 600) -> Evidence:
    seen = pairs(arms, drawn(variants(TASKS, ()), 7), DEFAULT, near)
    return list(gathered(start(), seen, Policy(), most=most))[-1]


def test_every_wording_and_every_skin_is_a_task() -> None:
    shout = Skin("shout", "invariant", lambda t: replace(t, prompt=t.prompt.upper()))
    never = Skin("never", "trap", lambda t: None)
    found = variants(TASKS[:1], (shout, never))
    assert [(t.id, t.prompt) for t in found] == [
        ("t0", "do 0"),
        ("t0#1", "0!"),
        ("t0@shout", "DO 0"),
    ]
    assert all(not t.also for t in found)


def test_draws_repeat_from_their_seed_and_have_a_digest() -> None:
    first, again = (list(islice(drawn(TASKS, 3), 50)) for _ in range(2))
    assert first == again != list(islice(drawn(TASKS, 4), 50))
    assert draws_digest(TASKS, 3) == draws_digest(TASKS, 3) != draws_digest(TASKS, 4)
    with pytest.raises(EvidenceError, match="no task"):
        next(drawn((), 0))


def test_all_arms_play_the_same_task_under_the_same_seed() -> None:
    told: list[tuple[str, str, int]] = []

    def arm(name: str) -> Play:
        def play(task: Task, seed: int) -> Episode:
            told.append((name, task.id, seed))
            return right(task, seed)

        return play

    arms = Arms(arm("candidate"), arm("incumbent"), arm("anchor"))
    list(islice(pairs(arms, drawn(TASKS, 1), DEFAULT), 5))
    for place in range(0, 15, 3):
        names, tasks, seeds = zip(*told[place : place + 3], strict=True)
        assert names == ("candidate", "incumbent", "anchor")
        assert len(set(tasks)) == len(set(seeds)) == 1


def test_harm_is_the_candidates_and_cancels_where_both_do_it() -> None:
    both = wrong_when(lambda task, seed: seed % 2 == 0)
    seen = [s.pair for s in islice(pairs(Arms(both, both), drawn(TASKS, 1), DEFAULT), 40)]
    assert all(isinstance(p, Pair) and p.candidate == p.incumbent for p in seen)
    assert any(isinstance(p, Pair) and any(p.candidate) for p in seen)


def test_an_equal_candidate_is_promoted_early_and_a_worse_one_refused() -> None:
    found = run(Arms(right, right))
    assert gate(found, Policy()).verdict == "promote" and len(found.pairs) <= 400
    worse = run(Arms(wrong_when(lambda task, seed: seed % 10 == 0), right))
    assert gate(worse, Policy()).verdict == "reject" and len(worse.pairs) < 400
    assert found.forecasts and found.divergences == (
        Divergence("incumbent", ((0.0, 0.0),) * len(found.pairs)),
    )


def test_a_broken_probe_is_tried_again_and_then_counted_apart() -> None:
    calls: dict[int, int] = {}

    def flaky(task: Task, seed: int) -> Episode:
        calls[seed] = calls.get(seed, 0) + 1
        if calls[seed] == 1:
            raise ProbeFault("twin is down", where=task.id)
        return right(task, seed)

    def broken(task: Task, seed: int) -> Episode:
        raise ProbeFault("twin is down", where=task.id)

    once = list(islice(pairs(Arms(flaky, right), drawn(TASKS, 1), DEFAULT), 10))
    assert all(isinstance(s.pair, Pair) for s in once)
    never = [s.pair for s in islice(pairs(Arms(right, broken), drawn(TASKS, 1), DEFAULT), 10)]
    assert all(isinstance(p, ProbeError) and p.arm == "incumbent" for p in never)
    found = run(Arms(right, broken), most=200)
    decided = gate(found, Policy())
    assert decided.verdict == "inconclusive" and decided.reasons[0].rule == "probe"
