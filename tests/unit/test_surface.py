"""Surfaces: what is read out of a grammar, what a plan looks like, what a bad one is told."""

from pathlib import Path

import pytest

from bb_core.errors import GrammarError, PlanError
from bb_core.grammar import Grammar
from bb_core.lint import admit
from bb_core.plan import Plan, Ref, Step, When
from bb_core.surface import Listing, Slot, parse_plan, print_plan, read_surface

ROOT = Path(__file__).parents[2]
API_JSON = Grammar.read(ROOT / "builderbrain-plugins/api_json/bb_domains/api_json/grammar.lark")
CALLS = Grammar.read(ROOT / "tests/golden/grammars/calls.lark")
ROBOT = Grammar.read(ROOT / "tests/golden/grammars/robot.lark")
PARSERS = {grammar.source: admit(grammar) for grammar in (API_JSON, CALLS, ROBOT)}

PLAN = Plan(
    "shop",
    "sha256:0",
    (
        Step("n1", "get_order", {"order_id": "W1001"}),
        Step(
            "n2",
            "refund_order",
            {"cents": Ref("n1", "/total")},
            ("n1",),
            When(Ref("n1", "/status"), "==", "delivered"),
        ),
    ),
)
TEXTS = [
    (
        API_JSON,
        '{"steps":[{"id":"n1","tool":"get_order","args":{"order_id":"W1001"}},'
        '{"id":"n2","tool":"refund_order","args":{"cents":{"$ref":"n1/total"}},"after":["n1"],'
        '"when":{"ref":"n1/status","op":"==","value":"delivered"}}]}',
    ),
    (
        CALLS,
        'plan {\n  n1 = get_order(order_id: "W1001");\n'
        '  n2 = refund_order(cents: $n1/total) after n1 if n1/status == "delivered";\n}',
    ),
    (
        ROBOT,
        'beginn1:get_order(order_id="W1001");'
        'n2:refund_order(cents=@n1/total)aftern1whenn1/status=="delivered"end',
    ),
]


@pytest.mark.parametrize(("grammar", "text"), TEXTS)
def test_one_plan_in_three_languages(grammar: Grammar, text: str) -> None:
    assert print_plan(read_surface(grammar), PLAN) == text
    assert parse_plan(PARSERS[grammar.source], text, "shop", "sha256:0") == PLAN
    assert parse_plan(PARSERS[grammar.source], f"\n {text} \n", "shop", "sha256:0") == PLAN


def test_blanks_between_words() -> None:
    text = 'begin n1: get_order( order_id = "W1001" ) ; n2 : refund_order(cents=@ n1/total) '
    text += 'after n1 when n1/status == "delivered" end'
    assert parse_plan(PARSERS[ROBOT.source], text, "shop", "sha256:0") == PLAN


def test_the_pieces_of_compact_json() -> None:
    surface = read_surface(API_JSON)
    assert surface.plan == Listing('{"steps":[', ",", "]}")
    assert surface.args == Listing("{", ",", "}", empty=True)
    assert surface.ref == ('{"$ref":', Slot("REF"), "}")
    assert surface.step[-3:] == (Slot("after", optional=True), Slot("when", optional=True), "}")
    assert surface.quoted == {"ID", "TOOL", "KEY", "REF", "OP", "STRING"}
    assert not surface.blanks
    assert read_surface(CALLS).quoted == {"STRING"}
    assert read_surface(ROBOT).blanks


GOOD = TEXTS[0][1]


@pytest.mark.parametrize(
    ("text", "place", "part"),
    [
        ("", "1:1", "found the end of the text, expected one of '{\"steps\":['. Finish"),
        (GOOD[:-1], f"1:{len(GOOD) - 1}", "expected one of ',', ']}'"),
        (GOOD + "x", f"1:{len(GOOD) + 1}", "Delete it"),
        (GOOD.replace('"n2"', '"m2"'), "1:76", 'expected one of ID /"n[1-9][0-9]?"/'),
        (GOOD.replace('{"cents"', '{ "cents"'), "1:111", "KEY"),
        (GOOD.replace('"=="', '"="'), "1:186", "expected one of OP"),
        ("\n\n  " + GOOD.replace(',"tool"', '"tool"'), "3:23", "Write ',\"tool\":' there"),
        (GOOD.replace('{"order_id":"W1001"', '{"a":1,"a":2'), "1:55", "given twice"),
        (GOOD.replace('"W1001"', "1.50"), "1:63", "expected one of"),
    ],
)
def test_a_bad_plan_is_pointed_at(text: str, place: str, part: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_plan(PARSERS[API_JSON.source], text, "shop", "sha256:0")
    assert caught.value.where == f"plan:{place}"
    assert part in str(caught.value)
    assert str(caught.value).splitlines()[-1].strip() == "^"


@pytest.mark.parametrize(
    "step",
    [
        Step("first", "get_order"),
        Step("n1", "Get-Order"),
        Step("n1", "get_order", {"a b": 1}),
        Step("n1", "get_order", {"a": "x" * 201}),
        Step("n1", "get_order", {"a": 10**15}),
        Step("n1", "get_order", {"a": 0.1234567}),
        Step("n1", "get_order", {"a": float("nan")}),
        Step("n1", "get_order", {"a": "\ud800"}),
        Step("n1", "get_order", {"a": Ref("n1", "/a~1b")}),
    ],
)
def test_what_the_language_cannot_write_is_refused(step: Step) -> None:
    with pytest.raises(PlanError):
        print_plan(read_surface(API_JSON), Plan("shop", "s", (step,)))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('plan: "a"', "plan is not a list"),
        (
            CALLS.text.replace("after: ", "later: ").replace("after?", "later?"),
            "step is not one row",
        ),
        (CALLS.text.replace('KEY ": " value', 'KEY ": " scalar'), "arg is not one row"),
        (CALLS.text.replace('ID " = " TOOL', 'ID " = " ID'), "step lacks TOOL"),
        (CALLS.text.replace('ref: "$" REF', 'ref: "$" REF REF'), "ref has a slot twice"),
    ],
)
def test_a_surface_keeps_the_conventions(text: str, part: str) -> None:
    with pytest.raises(GrammarError, match=part):
        read_surface(Grammar(text))
