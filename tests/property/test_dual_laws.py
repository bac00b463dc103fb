"""Laws of the multipliers, over any stream of losses."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bb_core.duals import Constraint, Duals, Warmup, duals, dump, load, step

NOW = Warmup(at_least=0, fraction=1.0)
losses = st.lists(st.floats(0, 1e6, allow_nan=False), max_size=60)
constraints = st.builds(
    Constraint,
    st.just("k"),
    limit=st.floats(-5, 5).filter(bool),
    eta=st.floats(0.001, 1.0),
    lambda_max=st.floats(0.1, 50.0),
)


def run(state: Duals, stream: list[float]) -> list[Duals]:
    states = [state]
    for loss in stream:
        states.append(step(states[-1], {"k": loss}, 1.0))
    return states


@given(constraints, losses)
def test_a_multiplier_stays_in_its_range_and_moves_by_eta_at_most(
    constraint: Constraint, stream: list[float]
) -> None:
    states = run(duals(constraint, warmup=NOW), stream)
    path = [s.multipliers["k"] for s in states]
    assert all(0 <= lam <= constraint.lambda_max for lam in path)
    assert all(abs(b - a) <= constraint.eta * 1.000001 for a, b in pairwise(path))


@given(constraints, losses)
def test_it_falls_when_met_and_rises_only_when_violated(
    constraint: Constraint, stream: list[float]
) -> None:
    states = run(duals(constraint, warmup=NOW), stream)
    for before, after in pairwise(states):
        moved = after.multipliers["k"] - before.multipliers["k"]
        assert moved <= 0 if after.duals[0].feasible else moved >= 0


@given(constraints, losses, st.integers(0, 60))
def test_a_resumed_run_is_the_run(constraint: Constraint, stream: list[float], cut: int) -> None:
    whole = run(duals(constraint, warmup=Warmup(at_least=5, at_most=10)), stream)
    part = load(
        dump(run(duals(constraint, warmup=Warmup(at_least=5, at_most=10)), stream[:cut])[-1])
    )
    assert run(part, stream[cut:])[-1] == whole[-1]


@given(losses)
def test_only_the_ratio_to_the_limit_counts(stream: list[float]) -> None:
    """Scaling loss and limit alike leaves the multiplier as it is: the violation is relative."""
    one, big = Constraint("k", 0.5), Constraint("k", 512.0)
    small = run(duals(one, warmup=NOW), stream)[-1]
    large = run(duals(big, warmup=NOW), [x * 1024 for x in stream])[-1]
    assert replace(large.duals[0], constraint=one, ema=None) == replace(small.duals[0], ema=None)
