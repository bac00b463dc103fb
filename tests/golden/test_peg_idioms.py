"""Sixteen idioms of PEG, what each is lowered to or why it is refused, against an engine not ours.

An idiom that is let pass reads exactly what parsimonious reads, on every text up to a length. One
that is refused names a text on which the set of its alternatives, read by Lark's Earley parser,
and the PEG, read by parsimonious, really differ; of the dangling else there is no such text.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache
from itertools import product

import pytest
from lark import Lark
from parsimonious.exceptions import IncompleteParseError, ParseError
from parsimonious.grammar import Grammar as Oracle

from bb_core.errors import GrammarError
from bb_core.fuzz import parses
from bb_core.grammar import Grammar
from bb_core.lint import admit
from bb_core.peg import lower


@dataclass(frozen=True)
class Idiom:
    """A PEG, the characters it is tried with, and the body of its lowered text."""

    name: str
    peg: str
    letters: str
    lowered: str = ""
    longest: int = 5


PASS = [
    Idiom("longest first", 'plan <- A\nA <- "ab" / "a"', "abc", 'plan: A\nA: "ab" | "a"\n'),
    Idiom(
        "keyword left out of names",
        "plan <- N\nN <- !K [a-c]{1,3}\nK <- 'ab' ![a-c]",
        "abc",
        "plan: N\nN: /a(?:[ac][a-c]?|b[a-c])?|[b-c][a-c]{0,2}/\n",
    ),
    Idiom("until loop", 'plan <- S\nS <- "<" (!">" .){0,4} ">"', "<>a", ""),
    Idiom(
        "block comment",
        'plan <- S\nS <- "/*" C{0,4} "*/"\nC <- ![*] [*/a]',
        "/*a",
        "",
    ),
    Idiom(
        "list of values",
        'plan <- "[" (item ("," item)*)? "]"\nitem <- "a" / plan',
        "[],a",
        'plan: "[" (item ("," item)*)? "]"\nitem: "a" | plan\n',
        4,
    ),
    Idiom(
        "terms and operators",
        'plan <- one ("+" one)*\none <- "a" / "(" plan ")"',
        "a+()",
        'plan: one ("+" one)*\none: "a" | "(" plan ")"\n',
        4,
    ),
    Idiom(
        "decimal before integer",
        'plan <- N\nN <- [1]{1,2} "." [1] / [1]{1,2}',
        "1.",
        'plan: N\nN: /1/~1..2 "." /1/ | /1/~1..2\n',
    ),
    Idiom("keyword before names", "plan <- N\nN <- !K [ab]{1,3}\nK <- 'ab' ![ab]", "ab", ""),
]
REFUSED = [
    Idiom("shortest first", 'plan <- A\nA <- "a" / "ab"', "ab"),
    Idiom("shortest first in a row", 'plan <- A "c"\nA <- "a" / "ab"', "abc"),
    Idiom("greedy repeat", 'plan <- A\nA <- "a"* "a"', "a"),
    Idiom("greedy option", 'plan <- "a"? "a"', "a"),
    Idiom("palindrome", 'plan <- "a" plan "a" / "a"', "a"),
    Idiom("integer before decimal", 'plan <- (I / F) "s"\nI <- [1]{1,2}\nF <- [1] "." [1]', "1.s"),
    Idiom("a row before its longer", 'plan <- "a" B / "a" B C\nB <- "b"\nC <- "c"', "abc"),
]
CALLS = """plan <- "plan {\\n" step+ "}"
step <- "  " ID " = " TOOL args when? ";\\n"
args <- "(" (arg (", " arg)*)? ")"
arg <- KEY ": " value
when <- " if " REF " " OP " " scalar
value <- "$" REF / scalar
scalar <- NUMBER / "true" / "false"
ID <- "n" [1-9]
TOOL <- [a-c]{1,8}
KEY <- [k-m]{1,8}
REF <- ID "/" [a-z]{1,8}
OP <- "==" / "<=" / "<"
NUMBER <- "0" / [1-9] [0-9]{0,4}
"""
"""A language as real domains have: its shortest plan is longer than any text of an idiom."""
FAULTS = [
    ('"==" / "<=" / "<"', '"==" / "<" / "<="'),
    ('"0" / [1-9] [0-9]{0,4}', "[1-9] / [1-9] [0-9]{1,4}"),
    ('" if " REF " " OP " " scalar', '" if " REF / " if " REF " " OP " " scalar'),
    ("[a-z]{1,8}", '[a-z]{1,8} "z"'),
]
CLASS = re.compile(r""""[^"]*"|'[^']*'|(\[[^\]]+\])""")
"""A class of characters, told from a bracket in quotes."""
ELSE = 'plan <- "i" plan "e" plan / "i" plan / "x"'
DEEP = 'plan <- n "x" / n "y"\nn <- "a" n / "b"'
EQUALS = 'plan <- &(ab "c") "a"+ bc\nab <- "a" ab? "b"\nbc <- "b" bc? "c"'


@cache
def engine(idiom: Idiom) -> Oracle:
    """The idiom in the other PEG engine."""
    notation = CLASS.sub(lambda m: f'~"{m[1]}"' if m[1] else m[0], idiom.peg.replace("<-", "="))
    notation = re.sub(r"(?<=[\s(!])\.(?=\))", '~"."', notation)
    return Oracle(notation)


def peg_reads(idiom: Idiom, text: str) -> bool:
    """What the other PEG engine says."""
    try:
        engine(idiom).parse(text)
    except (ParseError, IncompleteParseError):
        return False
    return True


def set_reads(idiom: Idiom, text: str) -> bool:
    """What the alternatives read as a set: the same rules as an unordered grammar."""
    notation = idiom.peg.replace("<-", ":").replace(" / ", " | ")
    notation = CLASS.sub(lambda m: f"/{m[1]}/" if m[1] else m[0], notation)
    notation = re.sub(r"\{(\d+),(\d+)\}", r"~\1..\2", notation)
    # As rules, so that nothing is decided by a lexer.
    notation = re.sub(r"\b[A-Z]\b", lambda name: f"{name[0].lower()}_", notation)
    return parses(Lark(notation, start="plan", parser="earley", lexer="dynamic_complete"), text)


@pytest.mark.parametrize("idiom", PASS, ids=[idiom.name for idiom in PASS])
def test_an_idiom_that_passes_reads_what_the_peg_reads(idiom: Idiom) -> None:
    text = lower(idiom.peg)
    if idiom.lowered:
        assert text.split("\n", 1)[1] == idiom.lowered
    ours, read = admit(Grammar(text)), 0
    for size in range(1, idiom.longest + 1):
        for candidate in map("".join, product(idiom.letters, repeat=size)):
            found = parses(ours, candidate)
            assert found == peg_reads(idiom, candidate), candidate
            read += found
    assert read


@pytest.mark.parametrize("idiom", REFUSED, ids=[idiom.name for idiom in REFUSED])
def test_a_refusal_names_a_plan_on_which_the_two_differ(idiom: Idiom) -> None:
    with pytest.raises(GrammarError) as refusal:
        lower(idiom.peg)
    named = re.search(r"the plan '([^']*)' is read by one and not by the other", str(refusal.value))
    assert named, refusal.value
    assert set_reads(idiom, named[1]) and not peg_reads(idiom, named[1])


def test_a_whole_language_without_a_fault_passes() -> None:
    assert lower(CALLS)


@pytest.mark.parametrize(("right", "wrong"), FAULTS)
def test_a_fault_deep_in_a_language_is_shown_in_a_whole_plan(right: str, wrong: str) -> None:
    idiom = Idiom("calls", CALLS.replace(right, wrong, 1), "")
    with pytest.raises(GrammarError) as refusal:
        lower(idiom.peg)
    named = re.search(r"the plan ('[^']*') is read by one", str(refusal.value))
    assert named, refusal.value
    plan = ast.literal_eval(named[1])
    assert plan.startswith("plan {") and not peg_reads(idiom, plan)
    # The set reads it: so does the language without the fault, which has no more than the set.
    assert parses(admit(Grammar(lower(CALLS))), plan)


@pytest.mark.parametrize("peg", [DEEP, pytest.param(ELSE, marks=pytest.mark.slow)])
def test_a_refusal_that_may_be_too_careful_says_so(peg: str) -> None:
    with pytest.raises(GrammarError, match="no plan that shows it was found, and none can be"):
        lower(peg)


def test_look_ahead_over_rules_is_refused() -> None:
    with pytest.raises(GrammarError, match="look-ahead outside a terminal"):
        lower(EQUALS)
