"""What several folders of tests share: one running shop, put back to its seed for each test."""

from collections.abc import Iterator

import pytest

from bb_domains.api_json.world import ShopWorld, twin


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
