"""What grammar.peg becomes, and what is refused with the text it is about."""

from pathlib import Path

import pytest

from bb_core.errors import GrammarError
from bb_core.fuzz import parses
from bb_core.grammar import Grammar
from bb_core.lint import admit
from bb_core.peg import lower
from bb_core.peg_cache import FILE, lowered

LOWERED = [
    ('plan <- "a" / "b"', 'plan: "a" | "b"'),
    ("plan <- A\nA <- 'ab' / \"a\"", 'plan: A\nA: "ab" | "a"'),
    ('plan <- A ("," A)*\nA <- [a-z]{1,9}', 'plan: A ("," A)*\nA: /[a-z]/~1..9'),
    ("plan <- A\nA <- ![b] [a-c]{1,2}", "plan: A\nA: /[ac][a-c]?/"),
    ('plan <- S\nS <- "<" (!">" .){0,4} ">"', None),
    ('plan <- N\nN <- !K [a-z]{1,3}\nK <- "if" ![a-z]', None),
    ('plan <- N   # a comment\nN <- "\\x41\\u0042\\n"', 'plan: N\nN: "AB\\n"'),
]
REFUSED = [
    ('plan <- A\nA <- "a" / "ab"', "2:12", '"a" / "ab": \'ab\' needs "ab"'),
    ('plan <- "a" / "ab"', "1:15", "both can begin with 'ab'"),
    ('plan <- A\nA <- "a"* "a"', "2:9", "takes all of 'a'"),
    ('plan <- "a"? "a"', "1:12", "both begin with 'a'"),
    ('plan <- "x" plan "x" / "x"', "1:24", "both can begin with 'xxx'"),
    ('plan <- "a" plan / &"b" "b"', "1:20", "look-ahead outside a terminal"),
    ('plan <- plan "a" / "b"', "1:1", "plan begins with itself"),
    ('plan <- A\nA <- "(" A ")" / "x"', "2:1", "A refers to itself"),
    ('plan <- A\nA <- "/*" (!"*/" .)* "*/"', "2:12", "look-ahead inside a repeat"),
    ('plan <- A ("b" / "c")\nA <- "a"{1,3} !"b"', "2:1", "looks at what follows it: in 'ab'"),
    ('plan <- (I / F) "s"\nI <- [0-9]{1,3}\nF <- [0-9]{1,3} "." [0-9]', "1:14", "both can begin"),
    ('plan <- A\nA <- "a"?', "2:1", "A may be empty"),
    ('plan <- "ab" "x" / "a" "by"', "1:20", '"a" and "ab" can stand at the same place'),
    ('plan <- ("a"?)*', "1:15", "a repeat of what may be empty"),
    ('plan <- A\nA <- "a" [ab]? "ba"?', "2:14", "takes all of 'ba'"),
    ("plan <- b", "1:9", "b in plan is not defined"),
    ('x <- "a"', "1:1", "no rule 'plan'"),
    ('plan <- "a"\nplan <- "b"', "2:1", "defined twice"),
    ('plan <- "a" )', "1:13", "')' does not belong here"),
    ("plan <- [z-a]", "1:9", "runs backwards"),
    ("plan <- Mixed\nMixed <- 'a'", "2:1", "all upper or all lower case"),
]


@pytest.mark.parametrize(("text", "lowered"), LOWERED)
def test_a_deterministic_peg_becomes_the_same_rules(text: str, lowered: str | None) -> None:
    body = lower(text).split("\n", 1)[1]
    assert lowered is None or body == lowered + "\n"
    assert lower(text) == lower(text)


@pytest.mark.parametrize(("text", "place", "found"), REFUSED)
def test_a_refusal_names_place_alternatives_and_text(text: str, place: str, found: str) -> None:
    with pytest.raises(GrammarError) as refusal:
        lower(text, "grammar.peg")
    assert refusal.value.where == f"grammar.peg:{place}"
    assert found in refusal.value.found
    assert refusal.value.fix


@pytest.mark.parametrize(
    "char", [chr(c) for c in range(32, 127) if chr(c) not in "[]\\<>"] + ["\\[", "\\]", "\\\\"]
)
def test_a_class_without_one_character_reads_all_the_others(char: str) -> None:
    lark = admit(Grammar(lower(f'plan <- "<" ONE ">"\nONE <- [^<>{char}]\n')))
    mine = char[-1]
    for other in map(chr, range(32, 127)):
        assert parses(lark, f"<{other}>") == (other not in f"<>{mine}"), other


def test_what_was_lowered_is_kept_and_made_anew_where_the_cache_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BB_CACHE", str(tmp_path))
    text = 'plan <- "a" / "b"'
    assert lowered(text, "x.peg") == lower(text, "x.peg")
    (kept,) = tmp_path.rglob(FILE)
    before = kept.stat().st_mtime_ns
    assert lowered(text, "x.peg") == lower(text, "x.peg")
    assert kept.stat().st_mtime_ns == before
    kept.write_text('plan: "evil"\n')
    assert lowered(text, "x.peg") == lower(text, "x.peg")
    assert lowered(text, "y.peg") == lower(text, "y.peg")


def test_a_refusal_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BB_CACHE", str(tmp_path))
    for _ in range(2):
        with pytest.raises(GrammarError, match="both can begin"):
            lowered('plan <- "a" / "ab"', "x.peg")
    assert not list(tmp_path.rglob(FILE))
