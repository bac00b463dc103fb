"""What the base is told of a domain's words: names, kinds, and what arguments are described as."""

from typing import Any

import pytest

from bb_core import discover
from bb_core.compiled import compile_domain
from bb_core.space import Space
from bb_nn.builder.words import choice_text, slot_text, words_of
from tests.schema_source import SchemaSource

TEXT = {"type": "string", "maxLength": 40}
ITEMS = {"type": "array", "items": TEXT, "maxItems": 3}


def space(arg: dict[str, Any]) -> Space:
    """A domain of one tool with one argument."""
    tool = {"does": "Book a table.", "effect": "write", "args": {"party_size": arg}}
    schema = {"plan_schema": 1, "domain": "tables", "title": "Tables", "tools": {"book": tool}}
    source = SchemaSource("tables", schema)
    return Space.of(compile_domain(source))


@pytest.mark.parametrize(
    "arg, said",
    [
        (TEXT, "party size (string) of book"),
        (
            {**TEXT, "description": "How many\n  come."},
            "party size (string) of book: How many come.",
        ),
        ({**ITEMS, "description": "Who comes."}, "party size (string) of book: Who comes."),
        (
            {**ITEMS, "items": {**TEXT, "description": "A guest."}, "description": "Who comes."},
            "party size (string) of book: A guest.",
        ),
    ],
)
def test_a_slot_is_told_by_its_name_its_kind_and_its_description(arg: Any, said: str) -> None:
    here = space(arg)
    assert slot_text(here.tool_slots["book"][0]) == said
    assert said in words_of(here)


def test_a_long_description_is_cut_to_a_sentence_of_bounded_length() -> None:
    here = space({**TEXT, "description": "very " * 1000})
    assert len(slot_text(here.tool_slots["book"][0])) < 300


@pytest.mark.parametrize("value", ["", " ", "-", "_", 0, None, False])
def test_a_choice_without_words_is_told_as_json(value: Any) -> None:
    assert choice_text(value).strip() == choice_text(value) != ""


@pytest.mark.parametrize("domain", ["api_json", "phone", "robots", "social"])
def test_the_base_can_be_told_every_word_of_a_domain(domain: str) -> None:
    told = words_of(Space.of(compile_domain(discover().get(domain))))
    assert told and all(text.strip() for text in told)
