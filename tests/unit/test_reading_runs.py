"""Which typed texts may be read as runs of words: those whose pattern lets a value hold a blank."""

from typing import Any

import pytest

from bb_core.reading import spans

TEXT = "Write to Selma Obi, then to b7 and Ana."


def read(pattern: str, **more: Any) -> set[Any]:
    return {span.value for span in spans({"type": "string", "pattern": pattern, **more}, TEXT)}


@pytest.mark.parametrize(
    ("pattern", "named", "runs"),
    [
        ("^[A-Z][a-z]+ [A-Z][a-z]+$", False, True),
        (r"^[A-Z][a-z]+\s[A-Z][a-z]+$", False, True),
        ("^S.*i$", False, True),
        (r"^[^\x00-\x1f\"<>@]{2,60}$", True, True),
        (r"^[^\x00-\x1f\"<>@]{2,60}$", False, False),  # how free text is bounded, no type of value
        (r"^[^\x00-\x20]{2,60}$", True, False),
        (r"^[^\s@]{2,60}$", True, False),
        ("^[^ ]{2,60}$", True, False),
        (r"^[^\]@]{2,60}$", True, True),
        (r"^[A-Za-z]{2,60}$", True, False),
        (r"^(?:[^\p{L} ]|[A-Z][a-z]+)$", True, False),
    ],
)
def test_a_blank_in_the_pattern_makes_runs(pattern: str, named: bool, runs: bool) -> None:
    found = read(pattern, **({"x-type": "Name"} if named else {}))
    assert ("Selma Obi" in found) is runs
    assert all(isinstance(value, str) and value in TEXT for value in found)
