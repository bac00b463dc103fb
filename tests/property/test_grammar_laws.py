"""Laws of grammars: mask within parser, print and parse undo each other, the lints are exact."""

import re
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bb_core.fence import fence
from bb_core.grammar import Grammar
from bb_core.language import to_regex
from bb_core.lexeme import cuts_short
from bb_core.lint import admit
from bb_core.pattern import PatternError, read_pattern
from bb_core.plan import OPS, Plan, Ref, Step, When
from bb_core.sample import Sampler
from bb_core.surface import parse_plan, print_plan, read_surface
from bb_runtime.mask_gate import MaskAcceptor, run_gate

ROOT = Path(__file__).parents[2]
API_JSON = Grammar.read(ROOT / "builderbrain-plugins/api_json/bb_domains/api_json/grammar.lark")
CALLS = Grammar.read(ROOT / "tests/golden/grammars/calls.lark")
LANGUAGES = {g.source: (admit(g), read_surface(g), MaskAcceptor(g)) for g in (API_JSON, CALLS)}

ids = st.integers(1, 99).map(lambda n: f"n{n}")
tools = st.from_regex(r"[a-z][a-z0-9_]{0,47}", fullmatch=True)
keys = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,31}", fullmatch=True)
pointers = st.lists(st.from_regex(r"[A-Za-z0-9_]{1,32}", fullmatch=True), max_size=6)
references = st.builds(lambda i, p: Ref(i, "".join(f"/{t}" for t in p)), ids, pointers)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.decimals(-999_999_999, 999_999_999, places=6).map(float),
    st.text(max_size=200),
)
leaves = st.one_of(scalars, references)
inner = st.one_of(leaves, st.lists(leaves, max_size=3))
flat = st.one_of(leaves, st.lists(inner, max_size=3))
inner_objects = st.one_of(inner, st.dictionaries(keys, leaves, max_size=3))
nested = st.one_of(flat, st.dictionaries(keys, inner_objects, max_size=3))


def plans(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Plan]:
    whens = st.builds(When, references, st.sampled_from(OPS), scalars)
    after = st.lists(ids, max_size=3).map(tuple)
    args = st.dictionaries(keys, values, max_size=4)
    steps = st.builds(Step, ids, tools, args, after, st.none() | whens)
    return st.lists(steps, min_size=1, max_size=4).map(lambda s: Plan("d", "s", tuple(s)))


def same_again(grammar: Grammar, plan: Plan) -> None:
    parser, surface, mask = LANGUAGES[grammar.source]
    text = print_plan(surface, plan)
    assert parse_plan(parser, text, "d", "s") == plan
    assert mask.accepts(text)


@settings(max_examples=60)
@given(plans(nested))
def test_a_printed_plan_parses_back_and_passes_the_mask(plan: Plan) -> None:
    same_again(API_JSON, plan)


@settings(max_examples=40)
@given(plans(flat))
def test_a_printed_plan_parses_back_in_a_line_language(plan: Plan) -> None:
    same_again(CALLS, plan)


@settings(max_examples=60)
@given(st.sampled_from([API_JSON, CALLS]), st.integers(0, 2**32))
def test_a_parsed_plan_prints_back_to_its_text(grammar: Grammar, seed: int) -> None:
    parser, surface, _ = LANGUAGES[grammar.source]
    text = Sampler(fence(grammar)).text(Random(seed))
    assume("given twice" not in _parsed(parser, text))
    assert print_plan(surface, parse_plan(parser, text, "d", "s")) == text


def _parsed(parser: Any, text: str) -> str:
    try:
        parse_plan(parser, text, "d", "s")
    except Exception as error:
        return str(error)
    return ""


@settings(max_examples=5)
@given(st.sampled_from([API_JSON, CALLS]), st.integers(0, 2**32))
def test_the_mask_never_allows_what_the_parser_refuses(grammar: Grammar, seed: int) -> None:
    assert run_gate(grammar, 60, seed).mask_only == 0


patterns = st.recursive(
    st.sampled_from(["a", "b", "ab", "[ab]", "[^a]"]),
    lambda inside: st.one_of(
        st.tuples(inside, inside).map(lambda p: f"({p[0]}|{p[1]})"),
        st.tuples(inside, inside).map("".join),
        inside.map(lambda p: f"({p})?"),
        inside.map(lambda p: f"({p}){{1,2}}"),
    ),
    max_leaves=6,
)
_SHORT = [""]
for _ in range(6):
    _SHORT += [text + char for text in _SHORT for char in "abc" if len(text) == len(_SHORT[-1])]


@settings(max_examples=150)
@given(patterns)
def test_the_lint_knows_where_python_stops_short(pattern: str) -> None:
    try:
        language = read_pattern(pattern)
    except PatternError:
        assume(False)
    python = re.compile(pattern)
    short = next((t for t in _texts() if python.fullmatch(t) and _stops(python, t)), None)
    found = cuts_short(language)
    assert (found is None) == (short is None) or found is not None
    if found is not None:
        assert re.fullmatch(to_regex(language), found)
        assert python.match(found) and python.match(found).end() < len(found)  # type: ignore[union-attr]


def _texts() -> list[str]:
    return [t for t in _SHORT if t]


def _stops(python: re.Pattern[str], text: str) -> bool:
    match = python.match(text)
    return match is not None and match.end() < len(text)
