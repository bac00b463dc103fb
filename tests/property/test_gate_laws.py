"""Laws of the gate's mathematics: what holds for every stream, weight and limit."""

import random
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb_safety.betting import Bet, below, last, mean_log, not_worse, path, reached, upper, worse
from bb_safety.errors import EvidenceError
from bb_safety.potential import difference, hinge, hinge_bound, potential, require_weights
from bb_safety.trust import Divergence, pinsker

units = st.floats(0.0, 1.0)
signed = st.floats(-1.0, 1.0)
streams = st.lists(units, max_size=60)


def weighed(draw: st.DrawFn, size: int) -> list[float]:
    raw = draw(st.lists(st.floats(0.01, 1.0), min_size=size, max_size=size))
    return [w / sum(raw) for w in raw]


@st.composite
def harm_tables(draw: st.DrawFn) -> tuple[dict[str, float], ...]:
    """Weights, two versions' harms and limits over the same few harms."""
    names = "abc"[: draw(st.integers(1, 3))]
    rows = [[draw(units) for _ in names] for _ in range(3)]
    weights = dict(zip(names, weighed(draw, len(names)), strict=True))
    return weights, *(dict(zip(names, row, strict=True)) for row in rows)


@given(streams, st.floats(0.05, 0.95))
def test_one_bet_is_fair_at_m_and_never_ruins(values: list[float], m: float) -> None:
    """Whatever the past: E[K_t / K_{t-1}] = 1 for y in {0, 1} with mean m, and no factor < 1/2."""
    bet = last(Bet(m), values)
    up, down = (exp(bet.after(y).log_e - bet.log_e) for y in (1.0, 0.0))
    assert m * up + (1 - m) * down == pytest.approx(1.0)
    assert min(up, down) >= 0.5 - 1e-12


@given(streams, st.floats(0.05, 0.95), units)
def test_the_future_does_not_change_the_past(values: list[float], m: float, more: float) -> None:
    before = [bet.log_e for bet in path(Bet(m), values)]
    assert [bet.log_e for bet in path(Bet(m), [*values, more])][: len(values)] == before


@given(st.lists(signed, max_size=60))
def test_both_sides_of_a_difference_mirror(ds: list[float]) -> None:
    """That ours is worse than theirs is what it is for theirs to be better than ours."""
    ours = last(worse(), [(1 + d) / 2 for d in ds])
    theirs = last(not_worse(0.0), [(1 - d) / 2 for d in [-d for d in ds]])
    assert ours.log_e == pytest.approx(theirs.log_e)


@given(st.lists(units, max_size=40), st.floats(0.05, 0.9))
def test_not_worse_is_below_on_another_scale(xs: list[float], limit: float) -> None:
    ds = [2 * x - 1 for x in xs]
    one = last(below(limit), [1 - x for x in xs])
    other = last(not_worse(2 * limit - 1), [(1 - d) / 2 for d in ds])
    assert one.log_e == pytest.approx(other.log_e, abs=1e-9)


@pytest.mark.parametrize("epsilon", [0.02, 0.05])
def test_wealth_at_the_null_averages_one_at_most(epsilon: float) -> None:
    """Supermartingale by simulation: at E d = epsilon the mean of K_t stays at 1, for each t."""
    source, runs, sums = random.Random(1), 3000, [0.0] * 80
    for _ in range(runs):
        flips = (source.random() for _ in range(80))
        ds = [1.0 if f < 0.05 + epsilon else -1.0 if f < 0.1 + epsilon else 0.0 for f in flips]
        for t, bet in enumerate(path(not_worse(epsilon), [(1 - d) / 2 for d in ds])):
            sums[t] += exp(bet.log_e)
    assert all(total / runs < 1.15 for total in sums)


@given(st.lists(signed, min_size=1, max_size=40))
def test_the_upper_bound_is_where_the_tests_turn(ds: list[float]) -> None:
    """Every point of the grid from the bound up is refuted; the one below it is not."""
    bound = upper(ds, 0.05)
    values = [(1 - d) / 2 for d in ds]
    if bound < 1.0:
        assert reached(not_worse(bound), values, 0.05) is not None
        if bound > -0.99:
            assert reached(not_worse(bound - 0.005), values, 0.05) is None


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=5))
def test_a_mean_of_e_processes_lies_between_them(logs: list[float]) -> None:
    parts = [(1 / len(logs), x) for x in logs]
    assert min(logs) - 1e-9 <= mean_log(parts) <= max(logs) + 1e-9
    assert mean_log(parts) >= max(logs) - log(len(logs)) - 1e-9


@given(harm_tables())
def test_the_hinge_form_rises_by_no_more_than_its_bound(
    tables: tuple[dict[str, float], ...],
) -> None:
    weights, new, old, limits = tables
    uppers = {k: new[k] - old[k] for k in weights}
    risen = hinge(weights, new, limits) - hinge(weights, old, limits)
    assert risen <= hinge_bound(weights, uppers) + 1e-12


@given(harm_tables(), st.floats(0.0, 0.5))
def test_v_s_rises_by_less_than_what_every_harm_does(
    tables: tuple[dict[str, float], ...], epsilon: float
) -> None:
    weights, new, old, _ = tables
    new = {k: min(new[k], old[k] + epsilon) for k in weights}
    dv = potential(weights, new) - potential(weights, old)
    linear = difference(tuple(weights.values()), tuple(new.values()), tuple(old.values()))
    assert dv <= epsilon + 1e-12 and dv == pytest.approx(linear, abs=1e-12)


@pytest.mark.parametrize("weights", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}])
def test_weights_that_are_none_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(EvidenceError, match="weights"):
        require_weights(weights)


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_pinsker_bounds_how_far_a_harm_can_move(p: float, q: float) -> None:
    kl = p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))
    assert abs(p - q) <= pinsker(kl) + 1e-9


@given(st.lists(st.lists(st.floats(0, 5), max_size=6).map(tuple), max_size=20))
def test_kl_of_episodes_is_the_sum_of_its_positions(episodes: list[tuple[float, ...]]) -> None:
    found = Divergence("incumbent", tuple(episodes))
    assert found.totals == pytest.approx([sum(e) for e in episodes])
    assert found.p99 <= max((x for e in episodes for x in e), default=0.0)
