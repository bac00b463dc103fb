"""A phone as the tools see it: screens in the plan's own words, waits with an end.

`connect` reaches a real one by its settings, `twin` makes one in memory. A screen that is still
being drawn is waited for, so a slow phone is the same phone; what never comes is not there. On a
phone in a language whose words are not known nobody can tell what commits: it is opened, read and
typed into, and none of its controls is touched. Not covered: an app in another language than its
phone; a phone that says it speaks another language than it does.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.phone import words
from bb_domains.phone.device.phone import Phone
from bb_domains.phone.driver import Touch, UiDriver
from bb_domains.phone.screen import Screen
from bb_domains.phone.tree import TreeDriver

MOST_LOOKS = 200


class PhoneWorld:
    """A driver, and the words between it and the plan."""

    def __init__(
        self, driver: UiDriver, *, pause_s: float = 0.0, ended: Callable[[], object] = lambda: None
    ) -> None:
        self.driver, self._pause, self._ended = driver, pause_s, ended

    def look(self, limit_s: float) -> Screen:
        """What is in front once it is drawn, names in English; raises ToolError past the limit."""
        until = self._until(limit_s)
        while (found := self.driver.look()).busy:
            if not until():
                raise ToolError("unavailable", "the screen is still being drawn", where=found.app)
        language = self._language()
        named = (replace(node, name=words.meant(node.name, language)) for node in found.nodes)
        return replace(found, nodes=tuple(named))

    def comes(self, wanted: Callable[[Screen], bool], limit_s: float) -> bool:
        """Whether a screen like this comes within the limit."""
        until = self._until(limit_s)
        while not wanted(self.look(limit_s)):
            if not until():
                return False
        return True

    def aim(self, selector: str) -> Touch:
        """The touch of the one thing on the screen that fits; it waits to be called.

        Raises ToolError where the phone's language has no words here.
        """
        language = self._language()
        if not words.spoken(language):
            fix = f"touch it by hand, or set the phone to one of en, {', '.join(words.LANGUAGES)}"
            found = f"the phone is in {language or '?'!r}: what commits is not known"
            raise ToolError("denied", found, where=selector, fix=fix)
        return self.driver.aim(*self._shown(selector))

    def fill(self, selector: str, text: str) -> None:
        """Put text into the one field that fits."""
        self.driver.fill(*self._shown(selector), text)

    def fill_secret(self, selector: str, secret: str) -> None:
        """Put a kept secret into the one field that fits."""
        self.driver.fill_secret(*self._shown(selector), secret)

    def snapshot(self) -> Json:
        """The phone's whole state; raises ToolError where it cannot be seen."""
        return self.driver.snapshot()

    def close(self) -> None:
        """Let go of the phone, and of whatever was started to show it."""
        self.driver.close()
        self._ended()

    def _shown(self, selector: str) -> tuple[str, str]:
        role, _, name = selector.partition(":")
        return role, words.shown(name, self._language())

    def _language(self) -> str:
        return self.driver.language().partition("-")[0].lower()

    def _until(self, limit_s: float) -> Callable[[], bool]:
        """Waits a little and says whether to go on; in memory looks are counted, not seconds."""
        end, looks = time.monotonic() + limit_s, iter(range(MOST_LOOKS if self._pause == 0 else 0))

        def go_on() -> bool:
            if self._pause == 0:
                return next(looks, None) is not None
            time.sleep(self._pause)
            return time.monotonic() < end

        return go_on


def twin(changes: Mapping[str, Any]) -> PhoneWorld:
    """A phone of its own in memory: the seed state with `changes` laid over it."""
    return PhoneWorld(TreeDriver(Phone(changes)))


def connect(settings: Mapping[str, str]) -> PhoneWorld:
    """The phone the settings name: `driver = web` and `url`, or `driver = adb` and `serial`.

    Raises ToolError when a setting is missing, or the extra that the driver needs.
    """
    match settings.get("driver", ""):
        case "web":
            from bb_domains.phone.web.browser import browser

            return PhoneWorld(browser(settings.get("url", "")), pause_s=0.05)
        case "adb":
            from bb_domains.phone.adb.device import device

            return PhoneWorld(device(settings), pause_s=0.2)
    fix = "set driver = 'web' and url, or driver = 'adb' and serial, for this domain"
    raise ToolError("unavailable", f"driver is {settings.get('driver')!r}", where="phone", fix=fix)
