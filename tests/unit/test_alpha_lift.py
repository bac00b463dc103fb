"""Alpha goes up only where composition is won and safety is not lost, and down otherwise."""

from dataclasses import replace
from typing import cast

import pytest

pytest.importorskip("torch")

from bb_train.agreement import NONE
from bb_train.alpha_lift import Gate, fewest_harmless, fewest_to_win, judge, lifted
from bb_train.config import Data, Measure, TrainConfig
from bb_train.errors import ConfigError
from bb_train.evaluate import Score
from bb_train.example import Example
from bb_train.lift_tasks import gate_of, lift_tasks, require_judgeable

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


@pytest.mark.parametrize("margin", [0.02, 0.05, 0.2])
def test_the_fewest_tasks_that_can_lift_alpha_are_those_at_which_it_is_lifted(
    margin: float,
) -> None:
    gate = Gate(margin=margin)
    harmless = fewest_harmless(gate)
    right, wrong = (
        [replace(scores(1)[0], right=r) for _ in range(harmless)] for r in (True, False)
    )
    assert judge(0.05, 1.0, right, wrong, gate).passed
    assert not judge(0.05, 1.0, right[1:], wrong[1:], gate).passed
    won = fewest_to_win(gate)
    assert judge(0.05, 1.0, scores(won), scores(0), Gate(margin=0.5)).passed
    assert not judge(0.05, 1.0, scores(won - 1), scores(0), Gate(margin=0.5)).passed


def dev(each: int, families: tuple[str, ...] = Data().families) -> list[Example]:
    """As much of a run's dev tasks as is looked at."""
    some = [
        Score(f"{f}-{n}", f, False, False, True, NONE, 0.0) for f in families for n in range(each)
    ]
    return cast(list[Example], some)


def test_a_harmless_builder_that_wins_is_lifted_by_default() -> None:
    usual = TrainConfig()
    base = cast(list[Score], lift_tasks(dev(usual.data.dev), usual.measure))
    ours = [replace(one, right=True) for one in base]
    alpha, _ = lifted(usual.measure.alpha, base, lambda tried: ours, gate_of(usual.measure))
    assert alpha == 1.0
    heard: list[str] = []
    require_judgeable(dev(usual.data.dev), usual, heard.append)
    assert not heard


def test_too_few_tasks_to_show_no_harm_are_told() -> None:
    heard: list[str] = []
    few = replace(TrainConfig(), measure=Measure(lift=60))
    require_judgeable(dev(25), few, heard.append)
    assert heard == [
        "60 dev tasks decide alpha: they allow more only where the base alone acts wrongly now and "
        "then; 73 would do so where neither does ([measure] lift)"
    ]


def test_an_alpha_that_nothing_judges_is_told() -> None:
    for found, measure in (([], Measure()), (dev(25), Measure(lift=0))):
        heard: list[str] = []
        require_judgeable(found, replace(TrainConfig(), measure=measure), heard.append)
        assert heard == ["alpha is not judged: it stays 0.05"]


@pytest.mark.parametrize(
    ("found", "lift", "said"),
    [
        (dev(120, ("indist",)), 120, "t.toml: of the 120 dev tasks that decide alpha 0 are of"),
        (dev(30), 1, "t.toml: of the 1 dev tasks that decide alpha 0 are of the families combo, "),
        (dev(5, ("combo", "indist")), 120, "t.toml: of the 10 dev tasks that decide alpha 5 are"),
    ],
)
def test_tasks_that_can_never_lift_alpha_are_refused(
    found: list[Example], lift: int, said: str
) -> None:
    config = replace(TrainConfig(source="t.toml"), measure=Measure(lift=lift))
    with pytest.raises(ConfigError) as error:
        require_judgeable(found, config, print)
    assert str(error.value).startswith(said)
    assert "combo, cross, long" in str(error.value) and "lift = 0" in str(error.value)
