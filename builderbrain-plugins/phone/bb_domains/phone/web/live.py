"""A web phone of its own, with a browser: the real thing that the twin is held against."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from bb_domains.phone.web.browser import Chromium
from bb_domains.phone.web.server import served
from bb_domains.phone.world import PhoneWorld

PAUSE_S = 0.05


def live(changes: Mapping[str, Any]) -> PhoneWorld:
    """The seed state with `changes`, served and shown; raises ToolError without a Chromium."""
    with ExitStack() as started:
        chromium = Chromium()
        started.callback(chromium.close)
        url = started.enter_context(served(changes)).url
        page = chromium.page(url)
        return PhoneWorld(page, pause_s=PAUSE_S, ended=started.pop_all().close)
