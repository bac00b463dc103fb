"""Which skills can take what a clause says: shares that name no tool, of values not used yet."""

from collections.abc import Mapping, Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from bb_core.decision import Copy, Decision
from bb_core.scene import scene
from bb_core.space import Space
from bb_nn.builder.conditions import Compared, compared
from bb_nn.builder.features import Features, Used
from bb_nn.builder.options import Offers
from bb_nn.builder.overlap import GREAT
from bb_nn.builder.progress import Progress
from bb_nn.builder.takers import Takers, outermost, taking
from bb_nn.builder.words import words_of
from tests.unit.tiny_rail import shop

SPOTS = st.sets(st.tuples(st.integers(0, 9), st.integers(10, 19)), max_size=6)


@cache
def known(barred: str = "") -> tuple[Space, Mapping[str, int], Compared]:
    """The shop's space, the rows of its words, and what conditions may compare."""
    space = Space.of(shop())
    space = space.without(barred) if barred else space
    return space, {word: row for row, word in enumerate(words_of(space))}, compared(space)


def found(text: str, *done: Decision, barred: str = "") -> dict[str, Features]:
    """What is told of each tool of the shop, the request being one clause."""
    space, rows, places = known(barred)
    offers = Offers(space, scene(text), rows, places)
    skills = offers.skills(Progress(spot=(0, len(text)), done=done))[:-1]
    return {s.name: o.features[-3:] for s, o in zip(space.skills, skills, strict=True)}


def looked_up(text: str, order: str) -> Decision:
    names = [skill.name for skill in known()[0].skills]
    at = text.index(order)
    return Decision(names.index("get_order"), (Copy(at, at + len(order)),))


def best(told: dict[str, Features], place: int) -> Sequence[str]:
    most = max(row[place] for row in told.values())
    return [name for name, row in told.items() if row[place] == most > 0]


def test_a_value_that_one_tool_takes_speaks_for_it() -> None:
    told = found("switch W3004 over to pm1255.")
    assert best(told, 0) == best(told, 1) == ["modify_payment"]
    assert told["modify_payment"][:2] == (GREAT, GREAT)
    assert told["cancel_order"][0] == GREAT / 2


def test_a_value_that_was_used_says_nothing_more() -> None:
    text = "switch W3004 over to pm1255."
    told = found(text, looked_up(text, "W3004"))
    assert told["modify_payment"][0] == GREAT
    assert told["cancel_order"][:2] == told["get_order"][:2] == (0.0, 0.0)


def test_a_choice_that_is_said_speaks_for_the_tools_that_have_it() -> None:
    assert best(found("Please give them something as goodwill."), 2) == ["issue_credit"]


def test_what_is_not_on_offer_takes_nothing() -> None:
    text = "switch W3004 over to pm1255 as goodwill."
    told = found(text, barred="modify_payment")
    assert told["modify_payment"] == (0.0, 0.0, 0.0)
    assert told["cancel_order"][0] == GREAT, "nobody can take pm1255, so it is no value"
    assert told["issue_credit"] == found(text)["issue_credit"]


@given(st.text(alphabet="W10pm goodwill.", max_size=40))
def test_all_are_shares(text: str) -> None:
    told = found(text or "x")
    assert all(0.0 <= value <= GREAT for row in told.values() for value in row)


@given(SPOTS)
def test_outermost_spots_hold_all_the_others_and_none_of_themselves(
    spots: set[tuple[int, int]],
) -> None:
    whole = outermost(spots)
    inside = [(a, b) for a, b in spots for c, d in whole if c <= a and b <= d]
    assert set(inside) == spots and set(whole) <= spots
    assert len({*whole}) == len(whole)
    assert all(not (c <= a and b <= d) for a, b in whole for c, d in whole if (a, b) != (c, d))


def test_nothing_said_is_nothing_taken() -> None:
    assert all(row[:2] == (0.0, 0.0) for row in found("good morning.").values())


def test_no_skills_take_nothing() -> None:
    assert taking(Takers((), ()), Used()) == []
