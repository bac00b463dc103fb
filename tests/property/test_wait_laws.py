"""Sets of steps to wait for: written one way each, their probabilities summing to one."""

from math import exp, isclose, log

from hypothesis import given
from hypothesis import strategies as st

from bb_core.plan import Plan, Ref, Step
from bb_core.waiting import Waiting, waiting
from bb_nn.builder.waits import likeliest


@st.composite
def edges(draw: st.DrawFn) -> tuple[list[float], Waiting, list[bool]]:
    """Up to six earlier steps in some order, with what the new one reaches and its logits."""
    count = draw(st.integers(1, 6))
    above: list[frozenset[int]] = []
    for place in range(count):
        parents = draw(st.sets(st.integers(0, place - 1))) if place else set[int]()
        above.append(frozenset(parents).union(*(above[p] for p in parents)))
    reached = draw(st.sampled_from([frozenset[int](), *above]))
    needed = frozenset[int]().union(*above)
    logits = draw(st.lists(st.floats(-8, 8), min_size=count, max_size=count))
    asks = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return logits, Waiting(tuple(above), frozenset(range(count)) - needed, reached), asks


def _every(logits: list[float], known: Waiting, asks: list[bool]) -> dict[tuple[int, ...], float]:
    """Every set with its probability, by trying both answers to each open edge."""
    found: dict[tuple[int, ...], float] = {}

    def go(place: int, reached: frozenset[int], chosen: tuple[int, ...], p: float) -> None:
        if place < 0:
            assert chosen not in found
            found[chosen] = p
        elif place in reached and not asks[place]:
            go(place - 1, reached, chosen, p)
        else:
            yes = 1 / (1 + exp(-logits[place]))
            go(place - 1, reached | known.above[place], (place, *chosen), p * yes)
            go(place - 1, reached, chosen, p * (1 - yes))

    go(len(logits) - 1, known.reached, (), 1.0)
    return found


@given(edges())
def test_the_sets_are_a_distribution_and_the_scores_are_theirs(
    drawn: tuple[list[float], Waiting, list[bool]],
) -> None:
    every, sets = _every(*drawn), likeliest(*drawn, k=4)
    assert isclose(sum(every.values()), 1.0, rel_tol=1e-9)
    assert [score for score, _ in sets] == sorted((s for s, _ in sets), reverse=True)
    assert len({chosen for _, chosen in sets}) == len(sets) <= 4
    for score, chosen in sets:
        assert isclose(score, log(every[chosen]), rel_tol=1e-6, abs_tol=1e-6)


@given(edges())
def test_no_edge_says_what_another_says(drawn: tuple[list[float], Waiting, list[bool]]) -> None:
    _, known, asks = drawn
    for _, chosen in likeliest(*drawn, k=4):
        later = known.reached.union(*(known.above[place] for place in chosen))
        assert not any(place in later and not asks[place] for place in chosen)


def test_a_new_step_sees_whom_nobody_needs_and_what_its_data_reached() -> None:
    steps = (
        Step("n1", "find"),
        Step("n2", "look", after=("n1",)),
        Step("n3", "ask", {"of": Ref("n2", "/id")}),
        Step("n4", "look", after=("n1",)),
        Step("n5", "do", {"to": Ref("n3", "/id")}),
    )
    known = waiting(Plan("d", "s", steps), 4)
    assert known.open == {2, 3}
    assert known.above == ({*()}, {0}, {0, 1}, {0})
    assert known.reached == {0, 1}
