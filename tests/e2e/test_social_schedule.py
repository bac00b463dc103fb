"""Posts that wait are held to the rate of the hour that they are due in, plan after plan."""

import pytest

from bb_core import discover
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.plan import Plan
from bb_core.state import State
from bb_core.verdict import Checked
from bb_domains.social.tool_adapters import ADAPTERS
from bb_runtime.approve import by_policy
from bb_runtime.execute import execute

ACCOUNT = "@harbour_news"


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_domain(discover().get("social"))


def later(compiled: Compiled, text: str, hours: int) -> Plan:
    ready = {"draft_id": {"$ref": "n2/draft_id"}, "body": {"$ref": "n2/body"}}
    said = {"account": ACCOUNT, "visibility": "public", "hours": hours, **ready}
    return compiled.read(
        [
            {"id": "n1", "tool": "get_account", "args": {"account": ACCOUNT}},
            {
                "id": "n2",
                "tool": "draft",
                "args": {"account": ACCOUNT, "text": text},
                "after": ["n1"],
            },
            {"id": "n3", "tool": "review", "args": {"question": "Later?"}, "after": ["n2"]},
            {"id": "n4", "tool": "schedule", "args": said, "after": ["n3"]},
        ]
    )


@pytest.mark.parametrize(("third", "waits"), [(18, 2), (19, 3)])
def test_an_hour_to_come_is_full_when_enough_waits_for_it(
    compiled: Compiled, third: int, waits: int
) -> None:
    desk = ADAPTERS.twin({"accounts": {ACCOUNT: {"max_per_hour": 2}}})
    for number, hours in enumerate((18, 18, third)):
        plan = later(compiled, f"Ferry {number}.", hours)
        verdict = check(compiled, plan, State(request="Post it later."))
        assert isinstance(verdict, Checked), verdict
        last = execute(verdict, ADAPTERS, desk, approve=by_policy(lambda request: True))
    assert len(desk.state["scheduled"]) == waits
    assert ("G.rate" in last.outcomes["n4"].why) is (waits == 2)
