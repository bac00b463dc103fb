"""Grammars: the saved parser, the mask's text, and the shipped grammars under the gate."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lark.exceptions import UnexpectedInput

from bb_core.errors import CacheError
from bb_core.grammar import Grammar, Mode, build_parser, load_parser, mask_text, save_parser
from bb_core.lexeme import clash, cuts_short
from bb_core.pattern import PatternError, read_pattern
from bb_runtime.mask_gate import MaskAcceptor, run_gate

ROOT = Path(__file__).parents[2]
API_JSON = ROOT / "builderbrain-plugins/api_json/bb_domains/api_json/grammar.lark"
GOLDEN = ROOT / "tests/golden/grammars"
SHIPPED: list[tuple[Path, Mode]] = [
    (API_JSON, "strict"),
    (GOLDEN / "calls.lark", "strict"),
    (GOLDEN / "robot.lark", "strict"),
    (GOLDEN / "posts.lark", "soft"),
]
SMALL = '{"steps":[{"id":"n1","tool":"find","args":{"a":[{"b":null}]}}]}'


@pytest.mark.parametrize(("path", "mode"), SHIPPED, ids=lambda value: getattr(value, "stem", value))
def test_no_mask_allows_what_its_parser_refuses(path: Path, mode: Mode) -> None:
    report = run_gate(Grammar.read(path, mode), 400, seed=3)
    assert report.texts == 400
    assert report.both > 40
    assert report.mask_only == 0


@pytest.mark.slow
@pytest.mark.parametrize(("path", "mode"), SHIPPED, ids=lambda value: getattr(value, "stem", value))
def test_no_mask_allows_what_its_parser_refuses_at_length(path: Path, mode: Mode) -> None:
    assert run_gate(Grammar.read(path, mode), 5_000, seed=4).mask_only == 0


def test_the_gate_is_seeded() -> None:
    grammar = Grammar.read(GOLDEN / "robot.lark")
    assert run_gate(grammar, 80, seed=5) == run_gate(grammar, 80, seed=5)


def test_a_saved_parser_is_the_same_in_every_process() -> None:
    code = (
        "import hashlib, sys; from pathlib import Path; from bb_core.grammar import *\n"
        "blob = save_parser(build_parser(Grammar.read(Path(sys.argv[1]))))\n"
        "print(hashlib.sha256(blob).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, str(API_JSON)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "4242")
    }
    assert len(digests) == 1


def test_a_loaded_parser_parses_alike_and_saves_alike() -> None:
    parser = build_parser(Grammar.read(API_JSON))
    blob = save_parser(parser)
    again = load_parser(blob)
    assert again.parse(SMALL) == parser.parse(SMALL)
    assert save_parser(again) == blob


@pytest.mark.parametrize("blob", [b"", b"{}", b"# builderbrain parser 1\n__import__('os')\n"])
def test_only_a_saved_parser_loads(blob: bytes) -> None:
    with pytest.raises(CacheError, match="not a saved parser"):
        load_parser(blob)


def test_the_mask_starts_at_plan() -> None:
    assert mask_text(Grammar('plan: "a"\n')) == 'plan: "a"\nstart: plan\n'


@pytest.mark.parametrize("control", ["\n", "\x00", "\x1f", "\x7f"])
def test_no_engine_takes_a_raw_control_character(control: str) -> None:
    grammar = Grammar.read(API_JSON)
    text = SMALL.replace("null", f'"a{control}b"')
    assert not MaskAcceptor(grammar).accepts(text)
    with pytest.raises(UnexpectedInput):
        build_parser(grammar).parse(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("a|ab", "ab"), ("ab|a", None), ("(a|ab)(c|bcd)", None), ("(a|ab)(c|bcd)?", "ab")],
)
def test_first_alternative_against_longest(pattern: str, text: str | None) -> None:
    assert cuts_short(read_pattern(pattern)) == text


@pytest.mark.parametrize(
    ("one", "two", "prefixes", "kind"),
    [
        ("[a-z]{1,3}", "if", False, "same"),
        ("[0-9]{1,3}", "[0-9]{1,3}(ms|s)", False, None),
        ("[0-9]{1,3}", "[0-9]{1,3}(ms|s)", True, "prefix"),
        ("[0-9]{1,3}", "[a-z]{1,3}", True, None),
        ('"[^"]{0,200}"', '"x"', False, "same"),
    ],
)
def test_clash(one: str, two: str, prefixes: bool, kind: str | None) -> None:
    found = clash(read_pattern(one), read_pattern(two), prefixes=prefixes)
    assert (found.kind if found else None) == kind


@pytest.mark.parametrize(
    "text", ["(", ")", "[", "[a", "[a-", "a{", "\\", "*", "a||b", "\\x4", "[]", "(?"]
)
def test_broken_patterns_are_refused_with_an_offset(text: str) -> None:
    with pytest.raises(PatternError) as caught:
        read_pattern(text)
    assert 0 <= caught.value.offset <= len(text)
