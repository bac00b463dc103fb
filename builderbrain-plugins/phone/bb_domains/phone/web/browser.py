"""Drives the web phone, or any page made the same way, in an installed Chromium through Playwright.

Everything is found by role and accessible name when it is touched, as Chromium's page has them
then. Playwright is used from one thread of its own, whoever calls. Not covered: what a page does
that no role and no name tells.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.phone.driver import Contact, Touch, only_one
from bb_domains.phone.screen import SWITCHES, Node, Screen, screen

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Playwright

Result = TypeVar("Result")
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = "Pixel 7"
TOUCH_MS = 3000
_LINE = re.compile(r'([a-z]+)(?: ("(?:[^"\\]|\\.)*"))?((?: \[[^\]]*\])*)')
_ABOUT = """() => {
  const root = document.documentElement, main = document.querySelector("main");
  const secret = [...document.querySelectorAll("input[type=password]")];
  return {app: root.dataset.app || "", language: root.lang, busy: main.ariaBusy === "true",
          secret: secret.map((e) => e.labels[0]?.firstChild?.textContent ?? "")};
}"""


def installed() -> str:
    """The path of an installed Chromium, or nothing."""
    return next((path for name in NAMES if (path := shutil.which(name))), "")


class Chromium:
    """A running browser. Each page is a fresh context: no cookies, no cache, no history."""

    def __init__(self) -> None:
        path = installed()
        if not path:
            fix = "install one: apt-get install chromium"
            raise ToolError("unavailable", "no Chromium is installed", where="phone", fix=fix)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="chromium")
        try:
            self._playwright, self._browser = self.run(lambda: _launch(path))
        except ToolError:
            self._worker.shutdown()
            raise

    def run(self, work: Callable[[], Result]) -> Result:
        """Do something in the browser's own thread; raises ToolError and nothing else."""
        return self._worker.submit(_guarded, work).result()

    def page(self, url: str, *, owner: bool = False) -> "BrowserDriver":
        """A driver on a fresh page; an owner ends the browser with its page."""
        return BrowserDriver(self, self.run(lambda: self._fresh(url)), url, owner=owner)

    def _fresh(self, url: str) -> "Page":
        device = dict(self._playwright.devices[PHONE])
        device.pop("default_browser_type", None)
        page = self._browser.new_context(**device).new_page()
        page.set_default_timeout(TOUCH_MS)
        page.goto(url)
        return page

    def close(self) -> None:
        """End the browser."""
        self.run(self._browser.close)
        self.run(self._playwright.stop)
        self._worker.shutdown()


def _launch(path: str) -> "tuple[Playwright, Browser]":
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        fix = "pip install 'builderbrain-phone[web]'"
        raise ToolError("unavailable", "playwright is missing", where="phone", fix=fix) from error
    playwright = sync_playwright().start()
    try:
        return playwright, playwright.chromium.launch(executable_path=path, args=list(QUIET))
    except Exception:
        playwright.stop()
        raise


def _guarded(work: Callable[[], Result]) -> Result:
    """The work's result, with the browser's own errors as a tool's."""
    try:
        return work()
    except ToolError:
        raise
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else ""
        found = f"{type(error).__name__}: {first}"
        raise ToolError("unavailable", found, where="chromium") from error


class BrowserDriver:
    """Drives one page; what it touches is found by Chromium at that moment."""

    def __init__(self, chromium: Chromium, page: "Page", url: str, *, owner: bool = False) -> None:
        self.chromium, self._page, self._url, self._owner = chromium, page, url, owner

    def language(self) -> str:
        """The language the page says it is in."""
        return str(self.chromium.run(lambda: self._page.evaluate(_ABOUT))["language"])

    def region(self) -> str:
        """The country the phone dials from."""
        return str(self._get("view")["region"])

    def look(self) -> Screen:
        """What is in front, as assistive technology is told it."""
        return self.chromium.run(self._look)

    def _look(self) -> Screen:
        before = self._page.evaluate(_ABOUT)
        if before["busy"]:
            return Screen(before["app"], busy=True)
        tree = self._page.locator("main").aria_snapshot()
        after = self._page.evaluate(_ABOUT)
        if before != after:
            return Screen(after["app"], busy=True)
        return screen(after["app"], nodes(tree, frozenset(after["secret"])))

    def open(self, app: str) -> None:
        """Ask the phone for the app, as its launcher would."""
        self._send("open", {"app": app})

    def aim(self, role: str, name: str) -> Touch:
        """A real touch in the middle of the one element."""
        found = self.chromium.run(lambda: self._one(role, name))
        return lambda: self.chromium.run(found.tap)

    def fill(self, role: str, name: str, text: str) -> None:
        """Real input into the one field."""
        self.chromium.run(lambda: self._one(role, name).fill(text))

    def fill_secret(self, role: str, name: str, secret: str) -> None:
        """Let the phone fill the one field; the secret never comes here."""

        def work() -> None:
            place = self._one(role, name).get_attribute("data-place")
            self._sent("secret", {"place": int(place or -1), "name": secret})

        self.chromium.run(work)

    def back(self) -> None:
        """The back gesture."""
        self._send("back", {})

    def contacts(self) -> Sequence[Contact]:
        """The address book, from the phone's own provider."""
        return [Contact(one["name"], one["number"]) for one in self._get("contacts")]

    def last_message(self, number: str) -> str:
        """The last message from a number, from the phone's own provider."""
        return str(self._get(f"inbox/{number}"))

    def snapshot(self) -> Json:
        """The phone's whole state."""
        found: Json = self._get("state")
        return found

    def close(self) -> None:
        """Close the page with its context, and the browser if it was started for it."""
        self.chromium.run(self._page.context.close)
        if self._owner:
            self.chromium.close()

    def _one(self, role: str, name: str) -> "Locator":
        page: Any = self._page
        if role == "password":
            secret = page.locator("input[type=password]")
            found = page.get_by_label(name, exact=True).and_(secret)
        else:
            found = page.get_by_role(role, name=name, exact=True)
        only_one(found.count(), role, name)
        return found  # type: ignore[no-any-return]

    def _send(self, path: str, body: dict[str, Any]) -> None:
        self.chromium.run(lambda: self._sent(path, body))

    def _sent(self, path: str, body: dict[str, Any]) -> None:
        """Through the page itself, so that it shows what came of it."""
        failed = self._page.evaluate(
            "([path, body]) => window.phone.send(path, body).then(() => '', (e) => String(e))",
            [path, body],
        )
        if failed:
            raise ToolError("invalid", f"the phone refused {path}: {failed}", where="phone")

    def _get(self, path: str) -> Any:
        answer = self.chromium.run(lambda: self._page.request.get(self._url + path).text())
        return json.loads(answer)


def browser(url: str) -> BrowserDriver:
    """A driver on a page of a browser of its own; raises ToolError when either is missing."""
    if not url.startswith(("http://", "https://")):
        fix = "set url = 'http://127.0.0.1:8080/' for this domain"
        raise ToolError("unavailable", f"url is {url!r}", where="phone", fix=fix)
    chromium = Chromium()
    try:
        return chromium.page(url, owner=True)
    except ToolError:
        chromium.close()
        raise


def nodes(tree: str, secret: frozenset[str] = frozenset()) -> Iterator[Node]:
    """The nodes of an aria snapshot, in its order; a password's value is dropped."""
    yield from _nodes(yaml.load(tree, Loader=yaml.BaseLoader) or [], secret)


def _nodes(items: Any, secret: frozenset[str]) -> Iterator[Node]:
    for item in items if isinstance(items, list) else ():
        line, inner = next(iter(item.items())) if isinstance(item, dict) else (item, "")
        match = _LINE.fullmatch(line)
        if match:
            yield _node(match, inner if isinstance(inner, str) else "", secret)
        if isinstance(inner, list):
            yield from _nodes(inner, secret)


def _node(match: re.Match[str], value: str, secret: frozenset[str]) -> Node:
    role, name = match[1], json.loads(match[2]) if match[2] else ""
    if role == "textbox" and name in secret:
        return Node("password", name)
    if role in SWITCHES:
        return Node(role, name, "on" if "[checked]" in match[3] else "off")
    return Node(role, name, value)
