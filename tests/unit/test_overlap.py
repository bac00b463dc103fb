"""What a request says of tools' words: shares and ratios that name no tool."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb_core.compiled import compile_domain
from bb_core.scene import scene
from bb_core.skill import Skill
from bb_core.space import Space
from bb_nn.builder.conditions import compared
from bb_nn.builder.features import Features
from bb_nn.builder.option_head import FEATURES, KNOWN, Kind
from bb_nn.builder.options import Offers
from bb_nn.builder.overlap import GREAT, overlaps, stems, worded
from bb_nn.builder.progress import Progress
from bb_nn.builder.words import words_of
from bb_runtime.rounds import Observation
from tests.schema_source import SchemaSource

SHOP = {
    "cancel_order": "Takes an order back, for good.",
    "issue_credit": "Pays a customer something for trouble.",
    "get_order": "Looks an order up.",
}
WORDS = st.lists(st.sampled_from(["cancel", "order", "back", "issue", "trouble", "for"]))


def space(tools: Mapping[str, str], *skills: Skill) -> Space:
    """Tools without arguments, by their names and what they do."""
    told = {name: {"does": does, "effect": "read", "args": {}} for name, does in tools.items()}
    schema = {"plan_schema": 1, "domain": "shop", "title": "Shop", "tools": told}
    return Space.of(compile_domain(SchemaSource("shop", schema)), skills)


def said(text: str, here: Space) -> Sequence[Features]:
    return overlaps(worded(here), text)


def test_forms_of_a_word_are_one_and_short_words_are_none() -> None:
    assert stems("He Cancelled the 2 orders_of") == {"cance", "the", "order"}
    assert stems("a an 42 __") == frozenset()


def test_the_tool_that_is_spoken_of_stands_out() -> None:
    cancel, issue, get = said("Please issue them a credit of $5.", space(SHOP))
    assert issue[0] == GREAT and issue[2:] == (GREAT, GREAT)
    assert cancel == get == (0.0,) * 4


def test_a_short_word_of_a_sentence_is_in_any_request() -> None:
    assert said("I want one for two", space(SHOP)) == [(0.0,) * 4] * 3


def test_a_single_tool_is_told_by_shares_alone() -> None:
    (only,) = said("issue one", space({"issue_credit": "Pays."}))
    assert only == pytest.approx((GREAT / 2, GREAT / 3, 0.0, 0.0))


@given(WORDS)
def test_all_are_shares_and_the_order_of_words_is_none(words: list[str]) -> None:
    here = space(SHOP)
    found = said(" ".join(words), here)
    assert all(0.0 <= value <= GREAT for row in found for value in row)
    assert max(row[2] for row in found) in (0.0, GREAT)
    assert said(" ".join(reversed(words)), here) == found


@given(WORDS)
def test_what_is_not_on_offer_changes_nothing(words: list[str]) -> None:
    without = said(" ".join(words), space(dict(list(SHOP.items())[:2])))
    assert said(" ".join(words), space(SHOP).without("get_order")) == [*without, (0.0,) * 4]


@given(WORDS)
def test_a_composite_skill_changes_nothing_of_the_others(words: list[str]) -> None:
    both = Skill("both", ("get_order", "cancel_order"))
    plain, rich = said(" ".join(words), space(SHOP)), said(" ".join(words), space(SHOP, both))
    assert [row[:2] for row in rich[:3]] == [row[:2] for row in plain]


def test_every_skill_is_offered_with_it_and_what_was_returned_says_nothing() -> None:
    here = space(SHOP).without("get_order")
    seen = scene("Please issue a credit.", [Observation("n1", "cancel_order", {}, "done", {})])
    rows = {word: row for row, word in enumerate(words_of(here))}
    offers = Offers(here, seen, rows, compared(here))
    whole = Progress(spot=(0, len(seen.text)))
    *skills, end = offers.skills(whole)
    assert [len(one.features) for one in skills] == [FEATURES] * 3
    assert [one.features[KNOWN:-3] for one in skills] == said("Please issue a credit.", here)
    assert end.kind is Kind.MARK and len(end.features) == 4
