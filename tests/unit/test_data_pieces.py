"""Spellings, blanks, fresh values, shares and the speaker: what the generator is made of."""

from random import Random

import pytest

from bb_core.reading import values
from bb_train.data.blanks import Blank, pieces
from bb_train.data.fresh import Values
from bb_train.data.shares import of_pool, share_of_value, shares_of_wordings
from bb_train.data.speaker import SAME, without_speaker
from bb_train.data.spelling import spans, spellings

CENTS = {
    "type": "integer",
    "minimum": 1,
    "maximum": 50000,
    "x-type": "Cents",
    "x-read": [
        {"text": r"\$([0-9]{1,4})[.]([0-9]{2})(?![0-9])", "as": "{1}{2}"},
        {"text": r"\$([0-9]{1,4})(?![0-9]|[.,][0-9])", "as": "{1}00"},
        {"text": r"(?<![0-9.])([0-9]{1,6}) cents", "as": "{1}"},
    ],
}
ORDER = {"type": "string", "pattern": "^W[0-9]{4}$", "x-type": "OrderId"}
MAIL = {"type": "string", "pattern": r"^[a-z0-9._-]{1,40}@[a-z0-9.-]{3,40}$", "x-type": "Email"}


@pytest.mark.parametrize(
    ("cents", "texts"),
    [
        (1250, ("$12.50", "1250 cents")),
        (1200, ("$12.00", "$12", "1200 cents")),
        (7, ("7 cents",)),
    ],
)
def test_an_amount_is_written_in_every_way_that_reads_back(
    cents: int, texts: tuple[str, ...]
) -> None:
    assert spellings(CENTS, cents) == texts
    for text in texts:
        assert values(CENTS, (f"pay {text} now",)) == (cents,)
        assert list(spans(CENTS, cents, f"pay {text} now")) == [(4, 4 + len(text))]


def test_a_word_is_not_found_inside_a_longer_one() -> None:
    assert list(spans(ORDER, "W100", "W1001 and W100")) == [(10, 14)]


def test_pieces_are_the_text_with_its_values_out() -> None:
    blanks = [Blank("OrderId", "order_id", ORDER, "W1001"), Blank("Cents", "cents", CENTS, 500)]
    text = "Pay $5.00 for W1001, i.e. W1001."
    cut = pieces(text, blanks)
    assert cut == ("Pay ", 1, " for ", 0, ", i.e. ", 0, ".")


@pytest.mark.parametrize("share", ["train", "dev", "test"])
def test_fresh_values_are_of_the_type_and_of_the_share(share: str) -> None:
    fresh, rng = Values({("Email", "email"): ("ann.bee@example.com",)}), Random(0)
    for blank in (
        Blank("OrderId", "order_id", ORDER, "W1001"),
        Blank("Email", "email", MAIL, "ann.bee@example.com"),
        Blank("Cents", "cents", CENTS, 500),
    ):
        for _ in range(50):
            value = fresh.fresh(blank, rng, share)  # type: ignore[arg-type]
            assert share_of_value(blank.kind, value) == share
            text = spellings(blank.schema, value)[0]
            assert value in values(blank.schema, (text,))


def test_wordings_of_every_kind_are_held_out() -> None:
    worded = [(kind, f"{kind} {n}") for kind in ("a", "b") for n in range(10)]
    shares = shares_of_wordings(worded)
    for kind in ("a", "b"):
        held = [shares[text] for k, text in worded if k == kind]
        assert (held.count("test"), held.count("dev"), held.count("train")) == (2, 1, 7)


def test_the_parts_of_a_pool_share_nothing() -> None:
    pool = tuple("abcdef")
    parts = [set(of_pool(pool, share)) for share in ("train", "dev", "test")]  # type: ignore[arg-type]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(pool)


def bare(text: str) -> str:
    """The wording without its speaker: `@` stands for them, `#` for any other value."""
    cut = [{"@": 0, "#": 1}.get(c, c) for c in text]
    joined: list[str | int] = []
    for piece in cut:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    found = without_speaker(joined, frozenset({0}))
    return "".join("#" if p == 1 else str(p) for p in found).replace(SAME, "<same>")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hi, this is @. Cancel #, please.", "Cancel #, please."),
        ("Cancel #. I'm @.", "Cancel #."),
        ("@: cancel #", "Cancel #."),
        ("cancel # (@)", "Cancel #."),
        ("Cancel # -- @", "Cancel #."),
        ("Cancel # for @, who is cross.", "Cancel # for <same>, who is cross."),
        ("@ no longer needs #.", "<same> no longer needs #."),
        ("Customer @ (@) asks for #.", "Customer <same> asks for #."),
        ("Send # to me, @, zip code @.", "Send # to me."),
        ('To @: "#"', 'To <same>: "#"'),
        ("Cancel #.", "Cancel #."),
    ],
)
def test_the_speaker_is_dropped_where_nothing_else_is_said(text: str, found: str) -> None:
    assert bare(text) == found
