"""A new domain's name, made or imported: a module's, no word of Python, no installed domain's."""

import pytest

from bb_core.registry import LONGEST
from bb_infra.errors import InfraError
from bb_infra.free_name import free_name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("no_such_domain", "no_such_domain"),
        (" My  new-domain ", "my_new_domain"),
        ("a" * LONGEST,) * 2,
    ],
)
def test_a_name_is_the_domains_as_a_module_is_called(given: str, name: str) -> None:
    assert free_name(given) == name


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("api_json", "'api_json' is installed already"),
        ("Api-JSON", "'api_json' is installed already"),
        ("Class", "'class' is a word of Python"),
        ("7up", "'7up' is no name for a domain. Give with --name letters, digits and spaces"),
        ("", "'' is no name"),
        ("../up", "'../up' is no name"),
        ("a" * (LONGEST + 1), f"no name for a domain.* {LONGEST} at most"),
    ],
)
def test_a_name_that_cannot_be_is_refused(given: str, told: str) -> None:
    with pytest.raises(InfraError, match=told):
        free_name(given, "give with --name")
