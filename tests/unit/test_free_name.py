"""A name that an installed domain has is free for no new one, made or imported."""

import pytest

from bb_infra.errors import InfraError
from bb_infra.free_name import require_free


def test_the_name_of_an_installed_domain_is_refused() -> None:
    require_free("no_such_domain")
    with pytest.raises(InfraError, match="'api_json' is installed already"):
        require_free("api_json")
