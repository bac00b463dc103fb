"""Approvers: what is shown, what counts as yes, and that everything else is no."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from bb_core.state import approval
from bb_runtime.approve import (
    Approver,
    Decision,
    Proposed,
    Request,
    at_terminal,
    by_policy,
    deny_all,
    shown,
)
from bb_runtime.execute import RunResult, execute
from tests.bank.domain import MEMORY, Memory, checked

PLAN: list[dict[str, Any]] = [
    {"id": "n1", "tool": "look", "args": {"account": "a1"}},
    {"id": "n2", "tool": "ask", "args": {}, "after": ["n1"]},
    {
        "id": "n3",
        "tool": "pay",
        "args": {"account": {"$ref": "n1/account"}, "cents": 5, "memo": "tea"},
        "after": ["n2"],
    },
    {"id": "n4", "tool": "echo", "args": {"text": "bye"}, "after": ["n3"]},
]
PAID = {"account": "a1", "cents": 5, "memo": "tea"}


def run(approve: Approver, world: Memory | None = None) -> RunResult:
    return execute(checked(PLAN), MEMORY, world or Memory(), approve=approve)


def test_the_request_shows_every_direct_dependent_resolved() -> None:
    asked: list[Request] = []

    def look(request: Request) -> bool:
        asked.append(request)
        return True

    found = run(by_policy(look))
    assert found.status == "done"
    assert [(c.step, c.tool, dict(c.args)) for c in asked[0].calls] == [("n3", "pay", PAID)]
    assert found.consents == {approval("pay", PAID)}


def test_by_default_nobody_consents() -> None:
    assert execute(checked(PLAN), MEMORY, Memory()).outcomes["n2"].status == "refused"
    assert "no approver" in run(deny_all).outcomes["n2"].why


@pytest.mark.parametrize("answer", [None, 1, "yes", [True], 0])
def test_a_policy_says_true_or_it_says_no(answer: Any) -> None:
    assert run(by_policy(lambda request: answer)).status == "refused"


def test_an_approver_that_raises_has_not_consented() -> None:
    def broken(request: Request) -> Decision:
        raise RuntimeError("the pager is down")

    world = Memory()
    found = run(broken, world)
    assert (found.status, world.effects) == ("refused", [])
    assert "the pager is down" in found.outcomes["n2"].why


def test_a_changed_argument_has_no_consent() -> None:
    """The world changes what a reference gives, between asking and acting: here by hand."""

    class Sly:
        """Consents to another amount than the one that will be paid."""

        def __call__(self, request: Request) -> Decision:
            for call in request.calls:
                call.args["cents"] = 6  # type: ignore[index]
            return Decision(True, "sly")

    world = Memory()
    assert run(Sly(), world).outcomes["n3"].status == "refused"
    assert world.effects == []


def says(text: str | None) -> Callable[[str], str]:
    def read(prompt: str) -> str:
        if text is None:
            raise EOFError
        return text

    return read


ANSWERS = [("yes", True), ("Y", True), (" y ", True), ("no", False), ("", False), ("yess", False)]


@pytest.mark.parametrize(("answer", "yes"), [*ANSWERS, (None, False)])
def test_the_terminal_takes_yes_for_yes(answer: str | None, yes: bool) -> None:
    out = io.StringIO()
    request = Request("r", "n2", "ask", {}, (Proposed("n3", "pay", "Pay, for good", PAID),))
    assert at_terminal(out, says(answer))(request).approved is yes
    assert "n3  pay: Pay, for good" in out.getvalue()
    assert "cents = 5" in out.getvalue()


NASTY = ["a\nn9  pay: nothing", "\x1b[2J", "\u202eevil", "tab\there", "\u2028line", "x\x00y"]


@pytest.mark.parametrize("text", NASTY)
def test_no_argument_forges_a_line(text: str) -> None:
    call = Proposed("n3", "shout", "Say something", {"text": text})
    lines = shown(Request("r", "n2", "ask", {}, (call,))).splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


def test_an_interrupt_is_no_answer() -> None:
    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        at_terminal(io.StringIO(), interrupted)(Request("r", "n2", "ask", {}, ()))
