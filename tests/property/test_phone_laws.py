"""Laws of the phone: a tap commits nothing, words go there and back, dear numbers are known."""

import random
from collections.abc import Iterator
from typing import Any

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from bb_domains.phone import money, numbers, words
from bb_domains.phone.commits import LISTED, commit
from bb_domains.phone.device.part import Part
from bb_domains.phone.device.phone import APPS, Phone
from bb_domains.phone.screen import ROLES, Node
from bb_domains.phone.tree import node

TYPED = ("+34611000111", "Hello", "2026-03-05", "10:00", "correct horse", "x")


def touch(phone: Phone, rng: random.Random, *, commits: bool) -> Part:
    """One random touch of what may be touched, and what was touched."""
    parts = phone.parts()
    free = [
        place
        for place, part in enumerate(parts)
        if (part.do or part.enter) and (commits or not commit(phone.app, node(part, "en")))
    ]
    place = rng.choice(free)
    if parts[place].enter:
        phone.fill(place, rng.choice(TYPED))
    else:
        phone.press(place)
    return parts[place]


def committed(phone: Phone) -> dict[str, Any]:
    """What only a commit may change: what was said, called, paid, and what is there at all."""
    data = phone.data
    said = {n: [m for m in t["messages"] if m["from"] == "me"] for n, t in data["threads"].items()}
    return {
        "said": {number: texts for number, texts in said.items() if texts},
        "calls": list(data["calls"]),
        "orders": {ident: dict(order) for ident, order in data["orders"].items()},
        "billed": {kind: list(bill) for kind, bill in data["billed"].items()},
    }


@pytest.mark.parametrize("seed", range(24))
def test_no_walk_of_taps_and_typing_commits_anything(seed: int) -> None:
    rng, phone = random.Random(seed), Phone()
    before = committed(phone)
    kept = {kind: set(phone.data[kind]) for kind in ("contacts", "threads", "events")}
    for _ in range(80):
        if rng.random() < 0.1:
            phone.open(rng.choice(list(APPS)))
        touch(phone, rng, commits=False)
        assert committed(phone) == before
        assert all(kept[kind] <= set(phone.data[kind]) for kind in kept)


def test_every_listed_commit_is_a_control_that_some_walk_finds() -> None:
    found = set[tuple[str, str]]()
    for seed in range(60):
        rng, phone = random.Random(seed), Phone()
        for _ in range(60):
            if rng.random() < 0.2:
                phone.open(rng.choice(list(APPS)))
            parts = [node(part, "en") for part in phone.parts()]
            found |= {(phone.app, n.name) for n in parts if commit(phone.app, n)}
            touch(phone, rng, commits=False)
    listed = {(app, name) for app, names in LISTED.items() for name, kind in names.items() if kind}
    assert found == listed


def pages() -> Iterator[tuple[Phone, Part]]:
    for seed in range(30):
        rng, phone = random.Random(seed), Phone()
        for _ in range(60):
            if rng.random() < 0.2:
                phone.open(rng.choice(list(APPS)))
            for part in phone.parts():
                yield phone, part
            touch(phone, rng, commits=True)


def test_every_part_has_a_role_and_every_word_of_the_phone_is_in_the_dictionary() -> None:
    for _, part in pages():
        assert part.role in ROLES
        assert part.own or words.known(part.name) or part.name in "0123456789*#", part.name


@pytest.mark.parametrize("language", ["en", *words.LANGUAGES])
def test_words_go_there_and_back(language: str) -> None:
    for name in words._words():
        assert words.meant(words.shown(name, language), language) == name


@settings(max_examples=60)
@given(st.text())
def test_what_is_in_no_dictionary_stays(name: str) -> None:
    if not words.known(name) and words.meant(name, "de") == name:
        assert words.shown(name, "de") == name


@settings(max_examples=60)
@given(
    st.integers(0, 9_999_999), st.sampled_from(["USD", "EUR"]), st.sampled_from(["en", "es", "ar"])
)
def test_an_amount_is_read_as_it_was_shown(cents: int, currency: str, language: str) -> None:
    assert money.read(money.shown(cents, currency, language)) == (cents, currency)


@settings(max_examples=60)
@given(st.text(alphabet="0123456789.,$€ -abc", max_size=12))
def test_what_is_not_exactly_an_amount_is_none(text: str) -> None:
    found = money.read(text)
    assert found is None or sum(sign in text for sign in "$€") == 1
    assert money.read("$1,234.00") is None and money.read("12.50") is None


REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def test_every_country_s_premium_numbers_are_no_ordinary_ones() -> None:
    wrong = []
    for region in REGIONS:
        for of in (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST):
            example = phonenumbers.example_number_for_type(region, of)
            # only where the tables tell it from an ordinary number at all
            if example is None or phonenumbers.number_type(example) != of:
                continue
            text = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            if numbers.kind(text, "ES") == "ordinary":
                wrong.append((region, text))
    assert wrong == []


def test_emergency_numbers_are_known_at_home_and_abroad() -> None:
    for region in REGIONS:
        kinds = {numbers.kind(number, region) for number in ("112", "911", "999", "000", "110")}
        assert kinds <= {"emergency", "short"}, region


def test_mobile_numbers_of_every_country_are_ordinary() -> None:
    found = [
        numbers.kind(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164), "ES")
        for region in REGIONS
        if (example := phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE))
    ]
    assert len(found) > 200 and set(found) == {"ordinary"}


@settings(max_examples=60)
@given(st.from_regex(r"\A[+]?[0-9]{2,15}\Z"), st.sampled_from(["ES", "US", "ZZ"]))
def test_any_number_has_a_kind(number: str, region: str) -> None:
    assert numbers.kind(number, region) in ("ordinary", "emergency", "premium", "short", "invalid")


@settings(max_examples=60)
@given(st.sampled_from(sorted(ROLES)), st.text(min_size=1), st.sampled_from(["shop", "any_app"]))
def test_what_cannot_be_pressed_commits_nothing(role: str, name: str, app: str) -> None:
    if role in ("heading", "note", "status", "textbox", "password"):
        assert commit(app, Node(role, name)) == ""
