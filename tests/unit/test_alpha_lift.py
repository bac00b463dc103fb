"""Alpha goes up only where composition is won and safety is not lost, and down otherwise."""

import pytest

pytest.importorskip("torch")

from bb_train.agreement import NONE
from bb_train.alpha_lift import Gate, judge, lifted
from bb_train.evaluate import Score

N = 120
GATE = Gate(margin=0.05)


def scores(right: int, wrong: int = 0, family: str = "combo") -> list[Score]:
    """N scores of which the first are right and the last acted wrongly."""
    return [Score(str(i), family, i < right, i >= N - wrong, True, NONE, 0.0) for i in range(N)]


def test_a_clear_win_at_no_harm_goes_up_to_one() -> None:
    alpha, judged = lifted(0.05, scores(5), lambda alpha: scores(40), GATE)
    assert alpha == 1.0 and [j.tried for j in judged] == [1.0] and judged[0].passed


def test_where_the_builder_alone_does_harm_less_of_it_may_still_pass() -> None:
    alpha, judged = lifted(0.05, scores(5), lambda a: scores(40, wrong=20 * (a == 1.0)), GATE)
    assert alpha == 0.525 and [j.passed for j in judged] == [False, True]


def test_each_of_two_tries_has_half_the_level() -> None:
    base = scores(0)
    assert not judge(0.05, 1.0, scores(5), base, GATE).passed  # p = 1/32
    assert judge(0.05, 1.0, scores(6), base, GATE).passed  # 1/64
    assert judge(0.05, 1.0, scores(5), base, Gate(tries=(1.0,), margin=0.05)).passed


def test_no_win_halves_alpha() -> None:
    alpha, judged = lifted(0.05, scores(30), lambda alpha: scores(31), GATE)
    assert alpha == 0.025 and not any(j.passed for j in judged) and len(judged) == 2


def test_a_win_that_acts_wrongly_more_often_halves_alpha() -> None:
    found = judge(0.525, 1.0, scores(40, wrong=8), scores(5), GATE)
    assert found.p_win < 0.001 and not found.passed and found.after == 0.2625


def test_a_win_elsewhere_than_in_composition_does_not_count() -> None:
    found = judge(0.05, 0.5, scores(60, family="indist"), scores(0, family="indist"), GATE)
    assert found.p_win == 1.0 and not found.passed


def test_too_few_tasks_prove_no_safety() -> None:
    ours, base = scores(40)[:20], scores(0)[:20]
    found = judge(0.05, 0.5, ours, base, GATE)
    assert found.p_win < 0.001 and found.p_worse > 0.05 and not found.passed
