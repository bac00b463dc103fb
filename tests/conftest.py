"""What several folders of tests share: one running shop, put back to its seed for each test.

No property is timed: how long an example takes says more of what else the machine does.
"""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from bb_domains.api_json.world import ShopWorld, twin

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="module")
def running() -> Iterator[ShopWorld]:
    """A shop's twin, started once for a module."""
    world = twin({})
    yield world
    world.close()


@pytest.fixture
def world(running: ShopWorld) -> ShopWorld:
    """The running shop in its seed state."""
    running.reset({})
    return running
