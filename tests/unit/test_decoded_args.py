"""An argument that no mask can write is found when a domain is checked, not when a model plans."""

from typing import Any

import pytest

from bb_core import discover
from bb_core.compiled import Compiled, compile_domain
from bb_core.golden_file import Golden
from bb_infra.domain_checks import Domain, tool_cases
from tests.schema_source import SchemaSource


def domain(arg: dict[str, Any]) -> Compiled:
    """A domain of one tool with one argument."""
    tool = {"does": "Book a table.", "effect": "read", "args": {"name": arg}}
    schema = {"plan_schema": 1, "domain": "tables", "title": "Tables", "tools": {"book": tool}}
    return compile_domain(SchemaSource("tables", schema))


def found(compiled: Compiled) -> dict[str, str]:
    """What is wrong with the tools, by their cases."""
    cases = tool_cases(Domain(compiled, Golden(), None))
    return {case.name: problem for case in cases if (problem := case.problem())}


@pytest.mark.parametrize(
    "pattern, says",
    [("^[a-z]*$", "matches nothing at all"), ("^[a-z]+$", "no upper bound")],
)
def test_a_pattern_that_cannot_be_decoded_is_named_with_its_argument(
    pattern: str, says: str
) -> None:
    problem = found(domain({"type": "string", "pattern": pattern}))["tool[book]"]
    assert "tables: book.name" in problem and says in problem


def test_a_bounded_pattern_is_fine() -> None:
    assert set(found(domain({"type": "string", "pattern": "^[a-z]{1,9}$"}))) == {"adapters"}


@pytest.mark.parametrize("name", ["api_json", "phone", "robots", "social"])
def test_every_argument_of_the_shipped_domains_can_be_decoded(name: str) -> None:
    assert not found(compile_domain(discover().get(name))).keys() - {"adapters"}
