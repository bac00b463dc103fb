"""`bb serve mcp` with the SDK's own client on the other side, and the shop's service behind it."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import mcp
import mcp_types as types
import pytest
from mcp.client.stdio import StdioServerParameters

from bb_domains.api_json.shop.serve import RunningShop

BB = str(Path(sys.executable).with_name("bb"))
WHO = {"id": "n1", "tool": "find_user_by_email", "args": {"email": "hugo.lindqvist@example.com"}}
ORDER = {"id": "n2", "tool": "get_order", "args": {"order_id": "W1001"}, "after": ["n1"]}
ASK = {"id": "n3", "tool": "confirm", "args": {"question": "Refund 9 cents?"}, "after": ["n2"]}
TERMS = {"order_id": "W1001", "item_id": "i0171", "cents": 9, "method": "original"}
REFUND = {"id": "n4", "tool": "create_refund", "args": TERMS, "after": ["n3"]}

Talk = Callable[[mcp.Client], Awaitable[None]]


def serve(tmp_path: Path, talk: Talk, *words: str, mode: str = "auto", asked: Any = None) -> None:
    """One client's whole session with `bb serve mcp api_json`."""
    parameters = StdioServerParameters(
        command=BB, args=["serve", "mcp", "api_json", *words], cwd=tmp_path, env=dict(os.environ)
    )

    async def session() -> None:
        client = mcp.Client(parameters, elicitation_callback=asked, mode=mode)
        async with client:
            await talk(client)

    asyncio.run(asyncio.wait_for(session(), 120))


async def plan(client: mcp.Client, steps: Any, **more: Any) -> types.CallToolResult:
    return await client.call_tool("plan", {"plan": steps, **more})


def rules(result: types.CallToolResult) -> set[str]:
    return {row["rule"] for row in result.structured_content["violations"]}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_session_from_refusal_to_a_consented_refund(tmp_path: Path, mode: str) -> None:
    shop = RunningShop({})
    pin = f"[domains.api_json]\nsettings = {{url = '{shop.url}'}}\n"
    (tmp_path / "bb.toml").write_text(pin)
    shown: list[str] = []
    answers = iter([False, True])

    async def person(context: Any, params: Any) -> types.ElicitResult:
        shown.append(params.message)
        return types.ElicitResult(action="accept", content={"approve": next(answers)})

    async def talk(client: mcp.Client) -> None:
        (tool,) = (await client.list_tools()).tools
        assert tool.name == "plan"  # no raw tool is there to be called
        assert "create_refund" in (tool.description or "")
        raw = await client.call_tool("create_refund", TERMS)
        assert raw.is_error
        blind = await plan(client, [REFUND | {"after": []}])
        assert blind.is_error
        assert {"T.authenticated", "T.observed", "A.approved"} <= rules(blind)
        steps = json.dumps({"steps": [WHO, ORDER]}, separators=(",", ":"))
        judged = await plan(client, steps, only_check=True)
        assert judged.structured_content["end"] == "checked"
        read = await plan(client, [WHO, ORDER])
        assert not read.is_error
        assert read.structured_content["steps"][1]["result"]["order_id"] == "W1001"
        second = await plan(client, [WHO, ORDER, ASK, REFUND])
        assert rules(second) == {"T.authenticated"}  # the session is one run, with one customer
        rest = [ORDER | {"after": []}, ASK, REFUND]
        no = await plan(client, rest)
        assert no.is_error
        assert refunds(shop) == []
        yes = await plan(client, rest)
        assert (yes.is_error, refunds(shop)) == (False, [9])
        again = await plan(client, [ASK | {"after": []}, REFUND])  # still the same run
        assert again.is_error
        assert "B.once" in rules(again)

    try:
        serve(tmp_path, talk, mode=mode, asked=person)
    finally:
        shop.stop()
    assert len(shown) == 2
    assert "create_refund" in shown[0]
    assert "cents = 9" in shown[0]
    log = (tmp_path / ".bb" / "ledger.jsonl").read_text()
    kinds = [json.loads(line)["type"] for line in log.splitlines()]
    assert kinds.count("verdict") >= 5
    assert "approved" in kinds


def test_a_call_that_is_cancelled_stops_its_plan(tmp_path: Path) -> None:
    asking = asyncio.Event()

    async def person(context: Any, params: Any) -> types.ElicitResult:
        asking.set()
        await asyncio.sleep(60)
        raise AssertionError("nobody waited to be told")

    async def talk(client: mcp.Client) -> None:
        call = asyncio.ensure_future(plan(client, [WHO, ORDER, ASK, REFUND]))
        await asking.wait()
        call.cancel()
        deadline = asyncio.get_running_loop().time() + 20
        while rules(found := await plan(client, [ORDER | {"after": []}])) == {"S.busy"}:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
        assert found.structured_content["end"] == "done"

    serve(tmp_path, talk, "--twin", mode="legacy", asked=person)
    records = [json.loads(line) for line in (tmp_path / ".bb" / "ledger.jsonl").open()]
    refused = [r["body"] for r in records if r["type"] == "refused"]
    assert [row["step"] for row in refused] == ["n3"]
    assert "cancelled" in refused[0]["why"]


def refunds(shop: RunningShop) -> list[int]:
    state = httpx.get(f"{shop.url}/admin/state").json()
    return [row["cents"] for row in state["refunds"].values()]


def test_a_client_that_cannot_ask_gets_no_consent(tmp_path: Path) -> None:
    async def talk(client: mcp.Client) -> None:
        done = await plan(client, [WHO, ORDER, ASK, REFUND])
        assert done.is_error
        (ask,) = [s for s in done.structured_content["steps"] if s["step"] == "n3"]
        assert "the client cannot ask its person" in ask["why"]
        broken = await plan(client, '{"steps":[')
        assert rules(broken) == {"S.syntax"}
        odd = await client.call_tool("plan", {"plan": 7})
        assert odd.is_error
        assert rules(odd) == {"S.syntax"}

    serve(tmp_path, talk, "--twin")
