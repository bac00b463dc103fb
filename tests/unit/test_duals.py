"""Multipliers: the rule's golden steps, and a scripted run on which plain ascent winds up."""

import math

import pytest

from bb_core.duals import (
    Constraint,
    Dual,
    Duals,
    Rule,
    Warmup,
    ascend,
    duals,
    dump,
    load,
    repaired,
    step,
)
from bb_core.errors import BuilderbrainError
from bb_train.audits.windup import Point, at_rest, windup

NOW = Warmup(at_least=0, fraction=1.0)
CFS = Constraint("cfs", limit=0.005)


def after(state: Duals, *losses: float, rule: Rule = repaired) -> Duals:
    for loss in losses:
        state = step(state, {"cfs": loss}, 1.0, rule)
    return state


def test_golden_steps() -> None:
    held = Constraint("cfs", limit=1.0, eta=0.5, lambda_max=1.2, falling=1.0)
    state = duals(held, warmup=NOW, momentum=0.0)
    rows = [(1.4, 0.4, 0.2), (9.0, 1.0, 0.7), (9.0, 1.0, 1.2), (9.0, 1.0, 1.2), (0.5, -0.5, 0.95)]
    for loss, move, multiplier in rows:
        state = after(state, loss)
        assert state.duals[0].move == pytest.approx(move)
        assert state.multipliers["cfs"] == pytest.approx(multiplier)


def test_the_loss_is_smoothed() -> None:
    state = after(duals(CFS), 1.0, 0.0, 0.0)
    assert state.duals[0].ema == pytest.approx(0.81)


def test_no_multiplier_moves_in_warm_up() -> None:
    state = duals(CFS, warmup=Warmup(at_least=20, fraction=0.5))
    for _ in range(40):
        state = step(state, {"cfs": 11.0}, task=1.0)
    assert not state.warm and state.multipliers["cfs"] == 0.0
    for _ in range(10):
        state = step(state, {"cfs": 11.0}, task=0.1)
    assert state.warm and state.multipliers["cfs"] > 0


def test_warm_up_lasts_its_least_and_ends_at_its_most() -> None:
    short = duals(CFS, warmup=Warmup(at_least=30, fraction=0.5))
    for k in range(29):
        short = step(short, {"cfs": 1.0}, task=1.0 if k == 0 else 0.0)
    assert not short.warm
    assert step(short, {"cfs": 1.0}, task=0.0).warm
    never = duals(CFS, warmup=Warmup(at_least=5, fraction=0.5, at_most=8))
    for _ in range(7):
        never = step(never, {"cfs": 1.0}, task=1.0)
    assert not never.warm and step(never, {"cfs": 1.0}, task=1.0).warm


def test_none_rises_while_its_loss_falls_by_itself() -> None:
    falling = after(duals(CFS, warmup=NOW), *(11.0 * 0.9**k for k in range(1, 60)))
    assert falling.duals[0].ema is not None and falling.duals[0].ema > 10 * CFS.limit
    assert falling.multipliers["cfs"] <= CFS.eta  # the first step knows no fall yet
    assert after(duals(CFS, warmup=NOW), *[11.0] * 60).multipliers["cfs"] > 1.0


def test_a_batch_that_is_not_finite_moves_nothing() -> None:
    state = after(duals(CFS, warmup=NOW), 1.0, 1.0)
    bad = step(state, {"cfs": math.nan}, task=math.inf)
    assert bad.multipliers == state.multipliers and bad.duals[0].ema == state.duals[0].ema
    assert bad.task_ema == state.task_ema
    assert step(state, {}, task=1.0).multipliers == state.multipliers


def test_round_trip_goes_on_exactly() -> None:
    kept = Constraint("kl", limit=-0.5, eta=0.1, lambda_max=3.0)
    state = duals(CFS, kept, warmup=Warmup(at_least=3, at_most=9), momentum=0.8)
    losses = [{"cfs": 0.1 / (k + 1), "kl": 0.3 * k} for k in range(20)]
    for row in losses[:10]:
        state = step(state, row, 1.0)
    again = load(dump(state))
    assert again == state
    for row in losses[10:]:
        state, again = step(state, row, 1.0), step(again, row, 1.0)
    assert again == state
    assert load(dump(duals())) == duals()


def test_names_and_numbers_are_checked() -> None:
    with pytest.raises(BuilderbrainError, match="own name"):
        duals(CFS, CFS)
    with pytest.raises(BuilderbrainError, match="cfs"):
        Constraint("cfs", limit=math.inf)


def run(rule: Rule, steps: int = 2000) -> list[Point]:
    """A model in two numbers: the energy starts at 11 nats and yields to its price and to learning.

    log energy moves down by learning and by its multiplier, each with less to gain near the floor;
    the task is learnt less the more the constraint dominates (share of the clipped gradient).
    """
    state, energy, task, path = duals(CFS, warmup=Warmup(at_least=100)), 11.0, 4.0, []
    if rule is ascend:
        state = duals(CFS, warmup=NOW)
    for _ in range(steps):
        lam = state.multipliers["cfs"]
        share = 1.0 / (1.0 + 0.1 * lam)
        task += 0.02 * (0.2 + 4.0 * (1 - share) ** 4 - task)
        floor = 0.02 * math.exp(-0.3 * min(lam, 30.0))
        energy += 0.03 * (floor - energy)
        state = step(state, {"cfs": energy}, task, rule)
        ema = state.duals[0].ema
        assert ema is not None
        path.append(Point(ema, CFS.limit, state.multipliers["cfs"], task))
    return path


def test_plain_ascent_winds_up_and_the_repaired_rule_does_not() -> None:
    wound, sound = run(ascend), run(repaired)
    assert max(p.multiplier for p in wound) > CFS.lambda_max
    assert "overhang" in {a.kind for a in windup(wound)}
    assert not at_rest(wound)
    assert windup(sound, ceiling=CFS.lambda_max) == ()
    assert at_rest(sound) and sound[-1].ema <= 1.1 * CFS.limit
    assert sound[-1].task < wound[-1].task / 2


def test_a_task_that_was_learnt_and_lost_is_told() -> None:
    learnt = [Point(1.0, 0.005, 0.0, 4.0 / (k + 1)) for k in range(100)]
    lost = [Point(0.005, 0.005, 5.0, 0.5)] * 100
    assert [a.kind for a in windup(learnt + lost)] == ["task lost"]
    alone = [Point(0.005, 0.005, 0.0, 0.5)] * 100
    assert windup(learnt + alone) == ()


def test_a_multiplier_at_its_ceiling_is_told() -> None:
    unmet = [Point(1.0, 0.005, 10.0, 0.1)] * 300
    assert [a.kind for a in windup(unmet, ceiling=10.0)] == ["pinned"]
    assert not at_rest(unmet)


def test_a_short_run_is_judged_too() -> None:
    unmet = [Point(1.0, 0.005, 10.0, 0.1)] * 60
    assert [a.kind for a in windup(unmet, ceiling=10.0)] == ["pinned"]
    assert windup(unmet[:19], ceiling=10.0) == ()


def test_a_task_that_was_learnt_to_the_end_and_lost_is_told() -> None:
    path = [Point(0.005, 0.005, 5.0, task) for task in [0.0] * 30 + [1.0] * 30]
    assert [a.kind for a in windup(path)] == ["task lost"]


def test_feasibility_is_the_raw_loss() -> None:
    assert Dual(CFS, ema=0.005).feasible and not Dual(CFS, ema=0.0051).feasible
    assert not Dual(CFS).feasible
