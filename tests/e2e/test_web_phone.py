"""The same flows on the tree in memory and in a real browser: same verdict, same state diff."""

from collections.abc import Iterator
from typing import Any

import pytest

from bb_core.battery import Task
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import ToolError
from bb_core.registry import discover
from bb_core.state import State
from bb_core.state_diff import state_diff
from bb_core.verdict import Checked
from bb_domains.phone import domain
from bb_domains.phone.web.browser import Chromium, installed
from bb_domains.phone.web.server import Stale, served
from bb_domains.phone.world import PhoneWorld, connect, twin
from bb_runtime.approve import by_policy
from bb_runtime.execute import execute

pytestmark = pytest.mark.skipif(
    not installed(), reason="no Chromium here; apt-get install chromium"
)
YES = by_policy(lambda request: True, "test")
BATTERY = {task.id: task for task in domain.eval_battery()}
SKINS = {skin.name: skin for skin in domain.invariance_skins()}
FLOWS = (
    *("sms-1", "sms-number-7", "reply-2", "call-1", "contact-new-1", "contact-edit-1"),
    *("contact-delete-1", "event-new-1", "setting-1", "setting-if-1", "buy-1", "order-cancel-1"),
    *("archive-1", "thread-delete-1", "read-2", "from-card-1"),
    *("no-emergency-1", "no-price-2", "no-namesake-3", "no-consent-1", "no-secret-1"),
)
LOOKS = ("spanish", "arabic", "bar-at-the-bottom", "slow", "large-text", "dialog-unseen")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("phone"))


def end_of(compiled: Compiled, world: PhoneWorld, task: Task) -> dict[str, Any]:
    """What a task's plans come to: each round's verdict and outcomes, and what has changed."""
    before, state, found = world.snapshot(), State(request=task.prompt), list[Any]()
    for number, plan in enumerate(task.rounds):
        verdict = check(compiled, compiled.read(plan), state)
        if not isinstance(verdict, Checked):
            found.append(sorted(verdict.rules))
            break
        result = execute(
            verdict, compiled.adapters(), world, approve=YES, run=f"{task.id}-{number}"
        )
        found.append({out.step: (out.status, out.result) for out in result.outcomes.values()})
        state = state.after(verdict, result.happened, result.consents)
    return {"rounds": found, "diff": state_diff(before, world.snapshot())}


def both(compiled: Compiled, chromium: Chromium, task: Task) -> tuple[Any, Any]:
    with served(task.world) as server:
        shown = PhoneWorld(chromium.page(server.url), pause_s=0.02)
        try:
            in_browser = end_of(compiled, shown, task)
        finally:
            shown.close()
    return end_of(compiled, twin(task.world), task), in_browser


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_ends_the_same(compiled: Compiled, chromium: Chromium, name: str) -> None:
    in_memory, in_browser = both(compiled, chromium, BATTERY[name])
    assert in_browser == in_memory
    if BATTERY[name].expect == "done":
        assert in_browser["diff"] == dict(BATTERY[name].diff)


@pytest.mark.parametrize("skin", LOOKS)
def test_a_flow_ends_the_same_in_other_clothes(
    compiled: Compiled, chromium: Chromium, skin: str
) -> None:
    task = SKINS[skin].apply(BATTERY["buy-2"])
    assert task is not None
    in_memory, in_browser = both(compiled, chromium, task)
    assert in_browser == in_memory
    if SKINS[skin].kind == "invariant":
        assert in_browser["diff"] == dict(BATTERY["buy-2"].diff)


def test_a_touch_on_an_old_screen_is_refused() -> None:
    with served() as server:
        web = server.web
        old = web.view()["version"]
        web.act("/open", {"app": "settings"})
        with pytest.raises(Stale):
            web.act("/touch", {"version": old, "place": 1})
        assert web.phone.page.kind == "list"


def test_passwords_stay_in_the_phone(chromium: Chromium) -> None:
    with served({"basket": ["p5"]}) as server:
        world = PhoneWorld(chromium.page(server.url), pause_s=0.02)
        server.web.phone.open("shop")
        server.web.phone.go("checkout")
        world.driver.chromium.run(world.driver._page.reload)  # type: ignore[attr-defined]
        world.look(5)
        world.fill_secret("password:Password", "shop_password")
        field = next(node for node in world.look(5).nodes if node.role == "password")
        assert field.value == ""
        page = world.driver.chromium.run(world.driver._page.content)  # type: ignore[attr-defined]
        assert "correct horse" not in page
        world.close()


def test_connect_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolError, match="driver is None"):
        connect({})
    with pytest.raises(ToolError, match="url is ''"):
        connect({"driver": "web"})
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match="apt-get install chromium"):
        connect({"driver": "web", "url": "http://127.0.0.1:9/"})


def test_a_phone_that_is_not_there(chromium: Chromium) -> None:
    with served() as server:
        gone = server.url
    with pytest.raises(ToolError, match="ERR_CONNECTION_REFUSED"):
        chromium.page(gone)
