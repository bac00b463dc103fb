"""The fence and the lints: each banned feature is refused, with its place and its reason."""

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from bb_core.errors import GrammarError
from bb_core.fuzz import parses
from bb_core.grammar import Grammar, build_parser
from bb_core.lint import admit
from bb_runtime.mask_gate import MaskAcceptor, gate_domain, run_gate

ROOT = Path(__file__).parents[2]


def _table() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "fence_refusals", ROOT / "tests/golden/fence_refusals.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLE = _table()


@pytest.mark.parametrize(("name", "text", "place", "part"), TABLE.REFUSED)
def test_refused(name: str, text: str, place: str, part: str) -> None:
    with pytest.raises(GrammarError) as caught:
        admit(Grammar(text))
    message = str(caught.value)
    assert caught.value.where == f"grammar.lark:{place}"
    assert part in message
    assert message.splitlines()[-1].strip() == "^"


@pytest.mark.parametrize(("name", "text"), TABLE.ALLOWED)
def test_allowed_and_alike(name: str, text: str) -> None:
    assert run_gate(Grammar(text), 150, seed=2).mask_only == 0


def test_shift_reduce_is_refused() -> None:
    with pytest.raises(GrammarError, match="Shift/Reduce"):
        admit(Grammar('plan: plan "a" | "a" plan | "a"'))


def test_the_gate_finds_what_a_soft_grammar_hides() -> None:
    grammar = Grammar('plan: "if" ID | ID "=" ID\nID: /[a-z]{1,3}/', mode="soft")
    assert MaskAcceptor(grammar).accepts("if=if")
    assert not parses(build_parser(grammar), "if=if")
    with pytest.raises(GrammarError, match="the mask allows 'if="):
        run_gate(grammar, 2_000)


def test_soft_keeps_the_fence() -> None:
    with pytest.raises(GrammarError, match="lazy"):
        admit(Grammar("plan: A\nA: /a*?b/", mode="soft"))
    admit(Grammar("plan: A\nA: /[^\\n]+/", mode="soft"))


def test_a_pattern_with_a_caret_far_right_is_shown_cut() -> None:
    with pytest.raises(GrammarError) as caught:
        admit(Grammar('plan: "' + "x" * 300 + '" /\\d/'))
    assert max(map(len, str(caught.value).splitlines())) < 100


def test_a_domain_gets_one_line() -> None:
    path = ROOT / "builderbrain-plugins/api_json/bb_domains/api_json/grammar.lark"
    grammar = Grammar.read(path)
    domain = SimpleNamespace(grammar=grammar, parser=build_parser(grammar))
    assert gate_domain(domain, 50) == "ok   50 texts"  # type: ignore[arg-type]
    loose = Grammar('plan: "if" ID | ID "=" ID\nID: /[a-z]{1,3}/', mode="soft")
    domain = SimpleNamespace(grammar=loose, parser=build_parser(loose))
    assert "unsafe, as" in gate_domain(domain, 800)  # type: ignore[arg-type]
