"""grammar.peg against a PEG engine that is not ours: a grammar that is let pass reads the same."""

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parsimonious.exceptions import IncompleteParseError, ParseError
from parsimonious.grammar import Grammar as Oracle

from bb_core.errors import GrammarError
from bb_core.fuzz import parses
from bb_core.grammar import Grammar
from bb_core.lint import admit
from bb_core.peg import lower

ALPHABET, LONGEST = "ab,", 6
TEXTS = ["".join(t) for n in range(1, LONGEST + 1) for t in product(ALPHABET, repeat=n)]


def oracle(text: str) -> Oracle:
    """The same grammar in the other engine's notation."""
    out = text.replace("<-", "=").replace("[ab]", '~"[ab]"').replace("[a]", '~"[a]"')
    return Oracle(out)


def reads(grammar: Oracle, text: str) -> bool:
    try:
        grammar.parse(text)
    except (ParseError, IncompleteParseError):
        return False
    return True


def agree(text: str) -> None:
    """Both engines accept the same texts, all of them up to a length."""
    ours, theirs = admit(Grammar(lower(text))), oracle(text)
    for candidate in TEXTS:
        assert parses(ours, candidate) == reads(theirs, candidate), candidate


ATOMS = st.sampled_from(['"a"', '"b"', '","', '"ab"', '"ba"', "[ab]"])
PARTS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: f"({p[0]} {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} / {p[1]})"),
        st.tuples(inner, st.sampled_from(["?", "{0,3}", "{1,3}"])).map(lambda p: f"({p[0]}){p[1]}"),
    ),
    max_leaves=5,
)
AHEAD = ["", '!"ab" ', '!"b" ', '&"a" ', '!("a" "b") ']


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    plan=PARTS, word=PARTS, ahead=st.sampled_from(["", '!"ab" ', '!"b" ', '&"a" ', '!("a" "b") '])
)
def test_a_grammar_that_is_let_pass_reads_what_a_peg_reads(
    plan: str, word: str, ahead: str
) -> None:
    text = f'plan <- WORD ("," {plan})?\nWORD <- {ahead}{word}\n'
    try:
        ours = admit(Grammar(lower(text)))
    except GrammarError:
        return
    theirs = oracle(text)
    for candidate in TEXTS[:400]:
        assert parses(ours, candidate) == reads(theirs, candidate), (text, candidate)


@pytest.mark.parametrize("word", ['("a" ",")? "a"', '("a" "," "b" / "b")? "a"'])
def test_a_terminal_that_takes_what_follows_it_is_refused(word: str) -> None:
    """A lexer reads the terminal and leaves the rest; a PEG takes it and gives nothing back."""
    text = f'plan <- WORD ("," "b")*\nWORD <- {word}\n'
    with pytest.raises(GrammarError, match="not the terminal's alone"):
        lower(text)


@pytest.mark.parametrize(
    "text",
    [
        'plan <- WORD ("," WORD)*\nWORD <- !KEY [ab]{1,3}\nKEY <- "ab" ![ab]',
        'plan <- WORD ("," WORD)*\nWORD <- !"ab" [ab]{1,3}',
        'plan <- "a" plan "b" / ","',
        'plan <- item ("," item)*\nitem <- LONG / "b"\nLONG <- "ab" / "a"',
        'plan <- sum\nsum <- one ("," one)*\none <- "a" sum "b" / "b"',
    ],
)
def test_these_idioms_pass_and_read_alike(text: str) -> None:
    agree(text)
