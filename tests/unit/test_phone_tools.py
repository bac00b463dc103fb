"""The phone's tools, screens and skins, each on the phone in memory."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from bb_core.adapters import Call
from bb_core.battery import Task
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import ToolError
from bb_core.registry import discover
from bb_core.state import State
from bb_core.verdict import Checked
from bb_domains.phone import domain, words
from bb_domains.phone.commits import KINDS, LISTED, WORDS, commit
from bb_domains.phone.screen import Node, Screen
from bb_domains.phone.tool_adapters import ADAPTERS
from bb_domains.phone.web import browser
from bb_domains.phone.web.browser import nodes
from bb_domains.phone.world import PhoneWorld, connect, twin
from bb_runtime.trial import attempt

README = Path(__file__).parents[2] / "builderbrain-plugins" / "phone" / "README.md"
BATTERY = {task.id: task for task in domain.eval_battery()}
SKINS = {skin.name: skin for skin in domain.invariance_skins()}


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("phone"))


def use(world: PhoneWorld, tool: str, **args: Any) -> Any:
    return ADAPTERS.tools[tool](args, Call(world, "n1", "key", 2.0))


def test_the_flow_in_the_readme_does_what_it_says(compiled: Compiled) -> None:
    block = re.search(r"^    flow \{\n.*?^    \}\n", README.read_text("utf-8"), re.M | re.S)
    assert block
    text = re.sub(r"^    ", "", block[0], flags=re.M).strip()
    plan = compiled.parse(text)
    assert isinstance(check(compiled, plan, State()), Checked)
    task = Task("readme", "", (), diff=BATTERY["sms-1"].diff)
    assert attempt(compiled, compiled.adapters(), task, [plan]).caught == "nothing"


def test_a_look_says_what_commits_and_what_it_costs() -> None:
    world = twin({"basket": ["p5"]})
    use(world, "open", app="shop", see="heading:Shop")
    use(world, "tap", app="shop", on="button:Basket", see="heading:Basket")
    use(world, "tap", app="shop", on="button:Checkout", see="heading:Checkout")
    seen = use(world, "look", app="shop")
    assert (seen["title"], seen["total_cents"], seen["currency"]) == ("Checkout", 650, "USD")
    assert {n["key"]: n["commit"] for n in seen["nodes"] if n["commit"]} == {
        "button:Pay now": "pay"
    }
    behind = use(world, "look", app="messages")
    assert (behind["front"], behind["nodes"], behind["total_cents"]) == (False, [], -1)


def test_a_look_survives_names_that_no_selector_can_say() -> None:
    name = 'Ana "=" ' + "x" * 900
    world = twin({"contacts": {"c50": {"name": name, "number": "+34611000111"}}})
    use(world, "open", app="contacts", see="heading:Contacts")
    keys = [node["key"] for node in use(world, "look", app="contacts")["nodes"]]
    assert f"link:{name}"[:400] in keys and "link:Ana Ruiz" in keys


def test_a_switch_is_read_and_a_button_is_no_switch() -> None:
    world = twin({})
    use(world, "open", app="settings", see="heading:Settings")
    use(world, "tap", app="settings", on="link:Network", see="heading:Network")
    assert use(world, "is_on", app="settings", on="switch:Wi-Fi")["state"] is True
    with pytest.raises(ToolError, match="is no switch"):
        use(world, "is_on", app="settings", on="button:Back")
    with pytest.raises(ToolError, match="0 of 'note:Nobody'"):
        use(world, "read", app="settings", on="note:Nobody")


def test_nobody_and_two_of_a_name() -> None:
    world = twin({"contacts": {"c99": {"name": "Ana Ruiz", "number": "+34600000000"}}})
    assert use(world, "find_contact", name="Ana Ruiz")["matches"] == 2
    with pytest.raises(ToolError, match="nobody in the address book"):
        use(world, "find_contact", name="Zoe Nobody")


def test_a_wrong_password_pays_nothing() -> None:
    world = twin({"basket": ["p5"], "secrets": {"shop_password": "another"}})
    use(world, "open", app="shop", see="heading:Shop")
    use(world, "tap", app="shop", on="button:Basket", see="heading:Basket")
    use(world, "tap", app="shop", on="button:Checkout", see="heading:Checkout")
    world.fill("password:Password", "guess")
    assert use(world, "pay", app="shop", item="Tea towel", cents=650)["paid"] is False
    with pytest.raises(ToolError, match="no secret 'nothing'"):
        use(world, "fill_secret", app="shop", into="password:Password", secret="nothing")


def test_a_screen_that_is_never_drawn_is_no_screen() -> None:
    world = twin({"look": {"delay": 10_000}})
    world.driver.open("shop")
    with pytest.raises(ToolError, match="still being drawn"):
        world.look(0.1)


def test_a_missing_extra_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    monkeypatch.setitem(sys.modules, "adbutils", None)
    monkeypatch.setattr(browser, "installed", lambda: "/usr/bin/chromium")
    with pytest.raises(ToolError, match=r"[Pp]ip install 'builderbrain-phone\[web\]'"):
        connect({"driver": "web", "url": "http://127.0.0.1:9/"})
    with pytest.raises(ToolError, match=r"[Pp]ip install 'builderbrain-phone\[adb\]'"):
        connect({"driver": "adb", "serial": "x"})


def test_sights() -> None:
    screen = Screen("shop", (Node("status", "Total", "$6.50"), Node("heading", "Basket")))
    assert screen.title == "Basket"
    assert screen.sees("status:Total") and screen.sees("status:Total=$6.50")
    assert not screen.sees("status:Total=$7.00") and not screen.sees("heading:Total")


@pytest.mark.parametrize(
    ("app", "key", "kind"),
    [
        ("messages", "button:Send", "sms"),
        ("messages", "link:Send", "sms"),
        ("messages", "link:Send SMS", "sms"),
        ("messages", "link:Ana Ruiz", ""),
        ("shop", "link:Pay now", "pay"),
        ("shop", "link:Checkout", ""),
        ("shop", "link:Tea towel", ""),
        ("settings", "link:Erase all data (factory reset)", "other"),
        ("settings", "link:Network", ""),
        ("settings", "switch:Auto send reports", "sms"),
        ("dialer", "button:5", ""),
        ("contacts", "button:Send location", "sms"),
        ("shop", "button:Checkout", ""),
        ("bank", "button:Transfer now", "pay"),
        ("bank", "link:Delete account", "other"),
        ("notes", "button:Löschen", "other"),
        ("shop", "button:Jetzt bestellen", "pay"),
        ("messages", "button:Mandar mensaje", "sms"),
        ("messages", "button:إرسال الرسالة", "sms"),
        ("contacts", "link:الحذف", "other"),
        ("notes", "button:Recall", ""),
        ("notes", "heading:Delete", ""),
    ],
)
def test_what_commits(app: str, key: str, kind: str) -> None:
    role, _, name = key.partition(":")
    assert commit(app, Node(role, name)) == kind


@pytest.mark.parametrize("language", ["en", *words.LANGUAGES])
def test_a_language_that_is_touched_has_words_for_all_that_commits(language: str) -> None:
    assert set(WORDS[language]) == set(KINDS) and all(WORDS[language].values())
    for kinds in LISTED.values():
        for name in (name for name, kind in kinds.items() if kind):
            assert commit("any_app", Node("button", words.shown(name, language))), name


@pytest.mark.parametrize("language", ["fr", "zh-Hant", ""])
def test_a_phone_in_a_language_without_words_is_read_and_not_touched(language: str) -> None:
    world = twin({"look": {"language": language}})
    use(world, "open", app="messages", see="heading:Messages")
    assert use(world, "read", app="messages", on="link:Ana Ruiz")["value"] == "Ana Ruiz"
    before = world.snapshot()
    for tool, on in (("tap", "link:Ana Ruiz"), ("press", "button:New message")):
        with pytest.raises(ToolError, match="what commits is not known") as caught:
            use(world, tool, app="messages", on=on, see="heading:Ana Ruiz")
        assert caught.value.kind == "denied" and world.snapshot() == before


def test_an_aria_snapshot_is_read_as_nodes() -> None:
    tree = """
- main:
  - heading "New message" [level=1]
  - text: To
  - textbox "To": "+34611000111"
  - textbox "Password": secret
  - switch "Wi-Fi" [checked]
  - list:
    - listitem:
      - link "Ana \\"Nana\\" Ruiz":
        - /url: "#"
  - note "You": "yes: no"
"""
    found = [node for node in nodes(tree, frozenset({"Password"})) if node.name]
    assert found == [
        Node("heading", "New message"),
        Node("textbox", "To", "+34611000111"),
        Node("password", "Password"),
        Node("switch", "Wi-Fi", "on"),
        Node("link", 'Ana "Nana" Ruiz'),
        Node("note", "You", "yes: no"),
    ]


def test_every_skin_of_every_kind_applies_often_enough() -> None:
    for skin in SKINS.values():
        dressed = [task for task in BATTERY.values() if skin.apply(task)]
        assert len(dressed) >= 4, skin.name
    kinds = [skin.kind for skin in SKINS.values()]
    assert min(kinds.count(kind) for kind in ("invariant", "equivariant", "trap")) >= 4


def test_a_dialog_is_one_step_more_and_all_numbers_move() -> None:
    dressed = SKINS["dialog-first"].apply(BATTERY["sms-1"])
    assert dressed is not None
    steps = dressed.rounds[0]["steps"]  # type: ignore[index,call-overload]
    assert [step["id"] for step in steps] == [f"n{i}" for i in range(1, 9)]  # type: ignore[index,call-overload,union-attr]
    assert steps[2]["args"]["on"] == "button:Not now"  # type: ignore[index,call-overload]
    assert steps[-1]["args"]["number"] == {"$ref": "n1/number"}  # type: ignore[index,call-overload]
