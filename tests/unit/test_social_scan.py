"""The scanner's nets: exact values in any spacing, patterns with check digits, presidio behind."""

import pytest

from bb_core.errors import DomainError
from bb_domains.social import scan

CAUGHT = {
    "email": "write to ana.b+x@mail.example.org please",
    "card": "it was 4111 1111 1111 1111, I think",
    "iban": "pay to GB82 WEST 1234 5698 7654 32",
    "ssn": "my number is 078-05-1120.",
    "ip": "log in at 192.0.2.17 or so",
    "phone": "call +44 7700 900123 now",
}
CLEAN = (
    "The ferry runs at 9:00, 10:30 and 12:00.",
    "Order 4111 1111 1111 1112 is no card.",
    "GB82 WEST 1234 5698 7654 33 is no account.",
    "Version 3.11.7 of 2026-11-25 costs 1,299.00.",
    "\u041d\u0430 25 \u0440\u043e\u043a\u0456\u0432, 本日は休館です。",
)


@pytest.mark.parametrize("kind", CAUGHT)
def test_a_pattern_is_found_where_it_stands(kind: str) -> None:
    text = CAUGHT[kind]
    found = [f for f in scan.patterns(text) if f.kind == kind]
    assert found and text[found[0].start : found[0].end].strip(" .,") in text
    assert not list(scan.patterns("Nothing here."))


@pytest.mark.parametrize("text", CLEAN)
def test_what_only_looks_like_it_is_let_through(text: str) -> None:
    assert list(scan.patterns(text)) == []


@pytest.mark.parametrize("text", ["I met ana  SEQUEIRA today", "(Ana Sequeira)", "Ana\nSequeira!"])
def test_an_exact_value_is_found_in_any_case_and_spacing(text: str) -> None:
    assert [f.net for f in scan.exact(text, ["Ana Sequeira"], "taint")] == ["taint"]


@pytest.mark.parametrize("text", ["+447700900101", "7700 900 101", "(+44) 7700-900-101"])
def test_a_number_is_found_by_its_digits(text: str) -> None:
    found = list(scan.exact(f"call {text} now", ["+44 7700 900101"], "taint"))
    assert found or "+44" not in text
    assert list(scan.exact("call +44 7700 900102", ["+44 7700 900101"], "taint")) == []


def test_part_of_a_word_is_not_the_word() -> None:
    assert list(scan.exact("Anastasia", ["Ana"], "taint")) == []


def test_the_second_net_is_presidio_at_its_threshold() -> None:
    pytest.importorskip("presidio_analyzer", reason=scan.PIP)
    found = {f.kind: f.net for f in scan.second("mail ana@example.org, card 4111 1111 1111 1111")}
    assert found["email_address"] == "presidio" and found["credit_card"] == "presidio"
    assert list(scan.second("The ferry runs at nine.")) == []


def test_a_missing_extra_names_its_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    scan._analyzer.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "spacy", None)
    with pytest.raises(DomainError, match=r"pip install 'builderbrain-social\[pii\]'"):
        list(scan.second("anything"))
