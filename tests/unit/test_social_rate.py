"""No hour holds more than the rules allow, whatever is said now and whatever waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb_domains.social.desk import Clock, Desk
from bb_domains.social.rate import HOUR_S, LAST, full_hours, fullest

MOST = 2
ACCOUNTS = {"@a": {"network": "mastodon", "max_per_hour": MOST}}
TIMES = st.lists(st.integers(0, 3 * HOUR_S), max_size=8)


@given(TIMES, st.integers(0, 3 * HOUR_S))
def test_the_fullest_hour_is_the_fullest_of_all(times: list[int], at: int) -> None:
    begins = (*range(at - HOUR_S + 1, at + 1, 60), *times, at)
    held = [
        sum(begin <= time < begin + HOUR_S for time in times)
        for begin in begins
        if begin <= at < begin + HOUR_S
    ]
    assert fullest(times, at) == max(held)


@given(st.lists(st.tuples(st.integers(0, 2 * HOUR_S), st.integers(0, 4)), max_size=40))
def test_no_hour_holds_more_than_it_may(asked: list[tuple[int, int]]) -> None:
    """Each time some seconds go by, then a post is asked for: now, or in some hours."""
    now = [0]
    desk = Desk({"accounts": ACCOUNTS}, {}, Clock(lambda: now[0], lambda name: 12))
    for seconds, hours in asked:
        now[0] += seconds
        free = hours not in desk.full_hours("@a") if hours else desk.said_this_hour("@a") < MOST
        if free:
            desk.speak("@a", hours)
    times = sorted(time for key in ("said", "planned") for time in desk.state[key].get("@a", ()))
    assert all(b - a >= HOUR_S for a, b in zip(times, times[MOST:], strict=False))


@pytest.mark.parametrize(
    ("times", "most", "full"),
    [
        ([], 1, []),
        ([], 0, list(range(1, LAST + 1))),
        ([0], 1, []),
        ([5 * HOUR_S], 1, [5]),
        ([5 * HOUR_S + 1], 1, [5, 6]),
        ([5 * HOUR_S, 5 * HOUR_S + 1], 2, [5]),
        ([5 * HOUR_S - 1, 5 * HOUR_S + HOUR_S - 1], 2, []),
    ],
)
def test_which_hours_are_full(times: list[int], most: int, full: list[int]) -> None:
    assert full_hours(times, 0, most) == full


def test_a_post_that_waits_is_said_when_it_is_due() -> None:
    now = [0]
    desk = Desk({"accounts": ACCOUNTS}, {}, Clock(lambda: now[0], lambda name: 12))
    desk.speak("@a", 5)
    assert desk.said_this_hour("@a") == 0
    now[0] = 5 * HOUR_S + 60
    assert desk.said_this_hour("@a") == 1
    now[0] = 6 * HOUR_S
    assert desk.said_this_hour("@a") == 0
