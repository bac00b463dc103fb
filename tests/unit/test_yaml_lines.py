"""YAML as JSON: what plain scalars mean, where things stand, and what is refused."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bb_core.errors import DomainError
from bb_core.yaml_lines import read_yaml

PLAIN = [
    ("no", "no"),
    ("on", "on"),
    ("true", True),
    ("True", "True"),
    ("null", None),
    ("~", None),
    ("", None),
    ("12", 12),
    ("-0.5e3", -500.0),
    ("02139", "02139"),
    ("1:30", "1:30"),
    ("0x1f", "0x1f"),
    ("1_000", "1_000"),
    (".inf", ".inf"),
    ("2024-01-02", "2024-01-02"),
    ("'12'", "12"),
    ('"\\u0041"', "A"),
]
TEXT = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=12)
LEAVES = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | TEXT
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(("text", "value"), PLAIN)
def test_plain_scalars_are_read_as_json_reads_them(text: str, value: object) -> None:
    assert read_yaml(f"a: {text}\n", "t").value == {"a": value}


@given(VALUES)
def test_json_reads_as_itself(value: object) -> None:
    text = json.dumps({"a": value}, ensure_ascii=False)
    if "<<" not in text:
        assert read_yaml(text, "t").value == {"a": value}


@given(VALUES)
def test_what_yaml_quotes_reads_as_itself(value: object) -> None:
    text = yaml.safe_dump({"a": value}, default_style='"', allow_unicode=False)
    if "!!" not in text and "<<" not in text and "&" not in text:
        assert read_yaml(text, "t").value == {"a": value}


def test_lines_of_keys_and_items() -> None:
    document = read_yaml("a: 1\nb:\n  - x: 2\n  - {y: 3,\n     z: 4}\n", "t")
    assert document.at(("b", 1, "z")) == "t:5"
    assert document.at(("b", 0, "x", "deeper")) == "t:3"
    assert document.at(("elsewhere",)) == "t:1"


REFUSED = [
    ("a: 1\na: 2\n", "t:2: key 'a' is here twice, first on line 1. Remove one"),
    ("a: &x [*x]\n", "t:1: alias *x names something unfinished or unknown"),
    ("a: *x\n", "t:1: alias *x names something unfinished or unknown"),
    ("<<: {a: 1}\n", "t:1: merge keys are not read. Write the keys out"),
    ("a: !!binary x\n", "t:1: tag tag:yaml.org,2002:binary is not read. Write a plain value"),
    ("a: 1\n---\nb: 2\n", "t:2: holds a second document. Keep one"),
    ("? [a]\n: 1\n", "t:1: a key is a list or a mapping. Use text as the key"),
    ("[" * 50 + "]" * 50, "t:1: is nested more than 40 deep"),
    ("a: 1" + "0" * 40, "t:1: number of 41 digits is too large. Quote it if it is text"),
    ("#" * 1_000_001, "t: holds more than 1,000,000 bytes. Split it"),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(DomainError) as caught:
        read_yaml(text, "t")
    assert str(caught.value).startswith(said)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        json.dumps(read_yaml(text, "t").value)
    except DomainError as error:
        assert error.where.startswith("t")
