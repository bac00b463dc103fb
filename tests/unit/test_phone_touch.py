"""What goes wrong from a touch on is the unknown end of a commit, and counts as one made."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bb_core.adapters import Call
from bb_core.battery import Task
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.errors import ToolError
from bb_core.registry import discover
from bb_core.state import State
from bb_core.state_diff import state_diff
from bb_core.verdict import Refused
from bb_domains.phone import domain
from bb_domains.phone.device.phone import Phone
from bb_domains.phone.driver import Touch
from bb_domains.phone.screen import Screen
from bb_domains.phone.tool_adapters import ADAPTERS
from bb_domains.phone.tree import TreeDriver
from bb_domains.phone.world import PhoneWorld
from bb_runtime.approve import by_policy
from bb_runtime.execute import execute
from bb_runtime.outcome import Outcome

BATTERY = {task.id: task for task in domain.eval_battery()}
YES = by_policy(lambda request: True, "test")
COMMITS = {
    "send_sms": ("sms-1", "button:Send"),
    "place_call": ("call-1", "button:Call"),
    "pay": ("buy-1", "button:Pay now"),
    "delete": ("contact-delete-1", "button:Delete"),
    "press": ("order-cancel-1", "button:Cancel order"),
}
"""Each tool that commits: a task that does it, and the control."""


class Fails(TreeDriver):
    """A phone whose line fails as one control is touched, or right after it."""

    def __init__(self, phone: Phone, control: str, how: str) -> None:
        super().__init__(phone)
        self._control, self._how, self.lost = control, how, False

    def aim(self, role: str, name: str) -> Touch:
        """A touch that arrives, and is answered or not."""
        touch = super().aim(role, name)
        return (lambda: self._lose(touch)) if f"{role}:{name}" == self._control else touch

    def _lose(self, touch: Callable[[], None]) -> None:
        touch()
        self.lost = self._how == "looks lost"
        match self._how:
            case "answer lost":
                raise ToolError("unavailable", "the line is dead", where="test")
            case "tap timed out":
                raise ToolError("conflict", "no answer to the tap", where="test")
            case "line broken":
                raise ConnectionError("the line is dead")
            case "never drawn":
                self.phone.data["look"]["delay"] = 10_000
                self.phone._touched()

    def look(self) -> Screen:
        """What is in front, unless the line is dead."""
        if self.lost:
            raise ToolError("unavailable", "the line is dead", where="test")
        return super().look()


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("phone"))


def carried(
    compiled: Compiled, task: Task, driver: TreeDriver, state: State
) -> tuple[Outcome, State]:
    """How the last step of a task's one plan ended, and the state after it."""
    (plan,) = task.rounds
    steps, verdict = compiled.read(plan), check(compiled, compiled.read(plan), state)
    if isinstance(verdict, Refused):
        why = ", ".join(sorted(verdict.rules))
        return Outcome(steps.steps[-1].id, steps.steps[-1].tool, "refused", why=why), state
    found = execute(verdict, compiled.adapters(), PhoneWorld(driver), approve=YES, run="touch")
    ended = [out for out in found.outcomes.values() if out.status != "not_run"]
    return ended[-1], state.after(verdict, found.happened, found.consents)


def made(before: Any, phone: Phone) -> dict[str, Any]:
    """What has changed, beside the page in front."""
    return beside_front(state_diff(before, phone.snapshot()))


def beside_front(diff: Mapping[str, Any]) -> dict[str, Any]:
    """A state diff without the page in front."""
    return {key: value for key, value in diff.items() if not key.startswith("/front")}


@pytest.mark.parametrize(
    "how", ["answer lost", "tap timed out", "line broken", "looks lost", "never drawn"]
)
@pytest.mark.parametrize("tool", COMMITS)
def test_a_commit_whose_end_nobody_saw_is_made_once(
    compiled: Compiled, tool: str, how: str
) -> None:
    name, control = COMMITS[tool]
    task = BATTERY[name]
    phone = Phone(task.world)
    before, state = phone.snapshot(), State(request=task.prompt)
    last, state = carried(compiled, task, Fails(phone, control, how), state)
    assert (last.tool, last.status, last.fault) == (tool, "parked", "timeout_unknown")
    assert made(before, phone) == beside_front(task.diff)
    assert dict(state.spent) == ({"paid_cents": last.args["cents"]} if tool == "pay" else {})
    phone.data["look"]["delay"] = 0
    last, _ = carried(compiled, task, TreeDriver(phone), state)
    assert last.status == "refused" and "B.once" in last.why
    assert made(before, phone) == beside_front(task.diff)


SMS = {"app": "messages", "number": "+34600111222", "body": "hello"}
TAP = {"app": "messages", "on": "button:Send", "see": "heading:Ana Ruiz"}


@pytest.mark.parametrize(
    ("tool", "args", "page", "lost", "kind"),
    [
        ("send_sms", SMS, "new", True, "unavailable"),
        ("send_sms", SMS, "list", False, "conflict"),
        ("press", TAP, "list", False, "conflict"),
        ("tap", TAP, "list", False, "conflict"),
    ],
)
def test_what_fails_before_the_touch_has_not_happened(
    tool: str, args: dict[str, Any], page: str, lost: bool, kind: str
) -> None:
    phone = Phone()
    phone.open("messages")
    phone.go(page, fields={"To": SMS["number"], "Message": SMS["body"]})
    driver, before = Fails(phone, "button:Send", "looks lost"), phone.snapshot()
    driver.lost = lost
    with pytest.raises(ToolError) as caught:
        ADAPTERS.tools[tool](args, Call(PhoneWorld(driver), "n1", "key", 2.0))
    assert caught.value.kind == kind and phone.snapshot() == before
