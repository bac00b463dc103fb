"""What a request says of tools' words: shares and ratios that name no tool."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb_nn.builder.overlap import GREAT, overlaps, stems, worded

WORDS = st.lists(
    st.sampled_from(["cancel", "order", "refund", "issue", "credit", "xy"]), max_size=5
)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=5).map(tuple)


def test_forms_of_a_word_are_one_and_short_words_are_none() -> None:
    assert stems("He Cancelled the 2 orders_of") == stems("cancel the order")
    assert stems("a an 42 __") == frozenset()


def test_the_tool_that_is_spoken_of_stands_out() -> None:
    names = ("cancel order", "issue credit", "get order")
    texts = tuple(f"{name}: does it for a customer" for name in names)
    cancel, issue, get = overlaps(worded(names, texts), "Please issue them a credit of $5.")
    assert issue[0] == GREAT and issue[2:] == (GREAT, GREAT)
    assert cancel[0] == get[0] == 0.0 and cancel[2:] == get[2:] == (0.0, 0.0)


def test_a_single_tool_is_told_by_shares_alone() -> None:
    (only,) = overlaps(worded(("issue credit",), ("issue credit: pay",)), "issue one")
    assert only == pytest.approx((GREAT / 2, GREAT / 3, 0.0, 0.0))


@given(TEXTS, WORDS)
def test_all_are_shares_and_what_nobody_says_is_none(
    texts: tuple[str, ...], said: list[str]
) -> None:
    found = overlaps(worded(texts, texts), " ".join(said))
    assert all(0.0 <= value <= GREAT for row in found for value in row)
    assert max(row[2] for row in found) in (0.0, GREAT)
    assert overlaps(worded(texts, texts), " ".join(reversed(said))) == found
    assert overlaps(worded(texts, texts), "") == [(0.0,) * 4] * len(texts)


@given(TEXTS, WORDS)
def test_what_is_not_on_offer_changes_nothing(texts: tuple[str, ...], said: list[str]) -> None:
    without = overlaps(worded(texts, texts), " ".join(said))
    barred = overlaps(worded((*texts, ""), (*texts, "")), " ".join(said))
    assert list(barred) == [*without, (0.0,) * 4]
