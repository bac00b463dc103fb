"""The phone's own words in four languages. A plan names controls in English; a screen shows them.

Not covered: a person or a thing whose own name is one of these words in the phone's language; it is
then read as the control of that name, so that a selector for it fits nothing and the flow stops.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("es", "de", "ar")
"""Beside English; the columns of words.json."""

RIGHT_TO_LEFT = frozenset({"ar"})


@cache
def _words() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = json.loads(
        Path(__file__).with_name("words.json").read_text("utf-8")
    )
    return found


@cache
def _shown(language: str) -> Mapping[str, str]:
    if language not in LANGUAGES:
        return {name: name for name in _words()}
    column = LANGUAGES.index(language)
    return {name: row[column] for name, row in _words().items()}


@cache
def _meant(language: str) -> Mapping[str, str]:
    return {shown: name for name, shown in _shown(language).items()}


def spoken(language: str) -> bool:
    """Whether this is a language whose words are known here, so that a control can be judged."""
    return language == "en" or language in LANGUAGES


def known(name: str) -> bool:
    """Whether this is one of the phone's own words, in English."""
    return name in _words()


def shown(name: str, language: str) -> str:
    """One of the phone's words as it is shown in a language; any other name as it is."""
    return _shown(language).get(name, name)


def meant(name: str, language: str) -> str:
    """The English word behind what is shown; any other name as it is."""
    return _meant(language).get(name, name)
