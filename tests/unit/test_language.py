"""Finite languages: what they contain, how they are written, and how they end."""

import itertools
import re

import pytest

from bb_core.anchored import regex
from bb_core.automaton import Automaton, Exit, utf8_runs
from bb_core.errors import SchemaError
from bb_core.language import (
    NOTHING,
    Language,
    Lit,
    Repeat,
    alt,
    char_set,
    chars,
    complement,
    deepest,
    lengths,
    optional,
    seq,
    to_regex,
)
from bb_core.numerals import decimals, integers

SMALL: dict[str, Language] = {
    "literal": Lit("ab"),
    "choice of prefixes": alt("a", "ab", "abb"),
    "choice then repeat": seq(alt("a", "ab"), Repeat(char_set("b"), 1, 3)),
    "nested repeat": Repeat(seq("a", Repeat(char_set("ab"), 0, 2)), 1, 2),
    "optional parts": seq(optional("a"), optional("b"), "a"),
    "repeat of what may be empty": seq(Repeat(optional("a"), 2, 3), "b"),
    "only an empty text": Lit(""),
}


def texts(lang: Language, alphabet: str = "ab", longest: int = 6) -> set[str]:
    pattern = re.compile(to_regex(lang))
    words = ("".join(w) for n in range(longest + 1) for w in itertools.product(alphabet, repeat=n))
    return {word for word in words if pattern.fullmatch(word)}


@pytest.mark.parametrize("name", SMALL)
def test_automaton_and_regex_are_the_same_language(name: str) -> None:
    automaton, members = Automaton(SMALL[name]), texts(SMALL[name])
    for size in range(7):
        for letters in itertools.product("ab", repeat=size):
            word = "".join(letters)
            assert automaton.reads(word.encode()) == (word in members), word


@pytest.mark.parametrize("name", SMALL)
def test_completion_is_shortest_from_every_prefix(name: str) -> None:
    automaton, members = Automaton(SMALL[name]), texts(SMALL[name])
    for word in members:
        for cut in range(len(word) + 1):
            state = automaton.step(automaton.start, word[:cut].encode())
            assert state is not None
            assert word[:cut] + state.completion.decode() in members
            nearest = min(len(m) - cut for m in members if m.startswith(word[:cut]))
            assert state.distance == nearest


@pytest.mark.parametrize("name", SMALL)
def test_deepest_bounds_every_completion(name: str) -> None:
    automaton = Automaton(SMALL[name])
    for word in texts(SMALL[name]):
        for cut in range(len(word) + 1):
            state = automaton.step(automaton.start, word[:cut].encode())
            assert state is not None
            assert state.distance <= deepest(SMALL[name])[1]


@pytest.mark.parametrize("low,high", [(0x80, 0x7FF), (0x100, 0x1234), (0xE000, 0x10FFFF)])
def test_utf8_runs_are_exactly_the_characters(low: int, high: int) -> None:
    runs = list(utf8_runs(low, high))
    for point in [*range(0x80, 0x3000, 5), low, high, high - 1, 0xFFFF, 0x10000, 0x10FFFF]:
        data = chr(point).encode()
        hits = sum(
            len(run) == len(data) and all(a <= b <= z for b, (a, z) in zip(data, run, strict=True))
            for run in runs
        )
        assert hits == (low <= point <= high), hex(point)


def test_completion_finishes_a_character_first() -> None:
    automaton = Automaton(seq('"', Repeat(complement([(0x22, 0x22)]), 0, 200), '"'))
    for char in ("é", "世", "😀"):
        for cut in range(1, len(char.encode())):
            head = b'"' + char.encode()[:cut]
            state = automaton.step(automaton.start, head)
            assert state is not None
            (head + state.completion).decode()
            assert state.completion.endswith(b'"')
            assert len(state.completion) == len(char.encode()) - cut + 1


def test_exits_are_told_apart_and_debts_are_counted() -> None:
    automaton = Automaton(Lit("a"), (Exit("]", b"", "close"), Exit(",", b"owed]", "more")))
    state = automaton.step(automaton.start, b"a")
    assert state is not None and state.completion == b"]" and not state.accepts
    more = automaton.step(automaton.start, b"a,")
    assert more is not None and more.exits == {"more"} and more.final
    assert more.completion == b"owed]" and more.owed == 5


def test_the_empty_language_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="empty"):
        Automaton(NOTHING)


def test_chars_are_sorted_disjoint_and_never_surrogates() -> None:
    assert chars([(5, 9), (1, 3), (4, 4)]).ranges == ((1, 9),)
    assert chars([(0xD000, 0xE000)]).ranges == ((0xD000, 0xD7FF), (0xE000, 0xE000))


@pytest.mark.parametrize(
    "pattern,inside,outside",
    [
        ("^W[0-9]{4}$", ["W0000", "W1234"], ["W123", "w1234", "W1234\n"]),
        ("^[A-Za-z_]{1,3}$", ["a", "_Zz"], ["", "abcd", "a1"]),
        ("^(?:ab|c{2})x?$", ["ab", "ccx"], ["abcc", "c"]),
        (r"^[a-z.]{1,9}@x\.org$", ["a.b@x.org"], ["a@xzorg", "@x.org"]),
    ],
)
def test_patterns(pattern: str, inside: list[str], outside: list[str]) -> None:
    automaton = Automaton(regex(pattern))
    assert all(automaton.reads(word.encode()) for word in inside)
    assert not any(automaton.reads(word.encode()) for word in outside)


@pytest.mark.parametrize("pattern", ["W[0-9]", "^a", "^a+$", "^a*$", "^(?=a)b$", "^a|b$", "^[a$"])
def test_patterns_a_mask_cannot_count_are_refused(pattern: str) -> None:
    with pytest.raises(SchemaError, match="shop: order"):
        regex(pattern, "shop: order")


@pytest.mark.parametrize(
    "low,high", [(0, 0), (0, 9), (7, 7), (13, 4567), (-5, 5), (-120, -7), (-7, 0), (99, 101)]
)
def test_integers_are_exact_and_canonical(low: int, high: int) -> None:
    automaton = Automaton(integers(low, high))
    for value in range(low - 30, min(high + 30, 1200)):
        assert automaton.reads(str(value).encode()) == (low <= value <= high), value
    assert not automaton.reads(b"-0") and not automaton.reads(b"007")


def test_decimals_keep_their_bounds() -> None:
    automaton = Automaton(decimals(-3, 12))
    for text in ("0", "-3", "12", "11.999999", "-0.5", "-2.75"):
        assert automaton.reads(text.encode()), text
    for text in ("12.1", "-3.5", "1.50", "-0", ".5", "1.", "1e3", "00"):
        assert not automaton.reads(text.encode()), text


def test_lengths() -> None:
    assert lengths(seq("ab", Repeat(char_set("xy"), 2, 5), alt("", "abc"))) == (4, 10)
