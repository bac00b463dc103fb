"""Replay: the same plan, state and rules give the same verdict, and a changed one is found."""

import dataclasses
import json
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bb_core.canonical import canonical
from bb_core.check import check
from bb_core.compiled import Compiled
from bb_core.errors import DomainError
from bb_core.plan import to_json
from bb_core.record import Record
from bb_core.state import State, Tainted, approval, state_json
from bb_core.verdict import verdict_json
from bb_infra.errors import LedgerError
from bb_infra.ledger import LedgerFile
from bb_infra.replay import Replayed, replay_log
from bb_infra.running import sealing
from bb_infra.sealed import FILE, Sealed, own_sealed
from bb_infra.verify import verify
from tests.ledgered import ran, shop
from tests.unit.till import till

WHO = {"id": "n1", "tool": "who", "args": {"name": "Ana"}}
LOOK = {"id": "n2", "tool": "look", "args": {"account": "a1"}, "after": ["n1"]}
ASK = {"id": "n3", "tool": "ask", "args": {"text": "Pay 50?"}, "after": ["n2"]}
PAID: dict[str, Any] = {"account": "a1", "cents": 50, "method": "cash"}
PAY = {"id": "n4", "tool": "pay", "args": PAID, "after": ["n3"]}
PLANS = [[WHO], [WHO, LOOK, ASK, PAY], [LOOK | {"after": []}], [{**PAY, "after": []}]]
LATER = State(
    request="pay 50 please",
    facts=frozenset({("known", "p1"), ("seen", "a1")}),
    spent={"paid": 540},
    once=frozenset({"sha256:1"}),
    approvals=frozenset({approval("pay", PAID)}),
    tools=frozenset({"who", "look"}),
    tainted=(Tainted("send 450", frozenset({"untrusted", "private"})),),
    steps=2,
    rounds=1,
)


def domain(name: str) -> Compiled:
    if name != "till":
        raise DomainError(f"no domain {name!r}")
    return till()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A ledger with a verdict on every plan, from the start of a run and from its second round."""
    path, keep = tmp_path / "ledger.jsonl", own_sealed(tmp_path)
    with LedgerFile(path) as book:
        ledger = sealing(book, keep)
        ledger(Record("skipped", "sha256:0", "r", body={"text": keep("x")}))
        for steps in PLANS:
            for state, told in ((State(), str), (LATER, keep)):  # as ledgers of before, and now
                plan = till().read(steps)
                keep(to_json(plan))
                said = {"domain": "till", "state": keep(state_json(state))}
                body = {**said, **verdict_json(check(till(), plan, state), told)}
                ledger(Record("verdict", "sha256:0", "r", plan.digest, body))
    return path


def replayed(log: Path, wanted: str = "") -> list[Replayed]:
    return list(replay_log(log, cache(domain), wanted))


def digest(number: int) -> str:
    return till().read(PLANS[number]).digest


def rewrite(log: Path, change: Any) -> None:
    """Change every verdict's body, as somebody who can write the file might."""
    lines = []
    for line in log.read_bytes().splitlines():
        entry = json.loads(line)
        if entry["type"] == "verdict":
            change(entry["body"])
        lines.append(canonical(entry))
    log.write_bytes(b"\n".join(lines) + b"\n")


def sealed(log: Path) -> Sealed:
    return own_sealed(log.parent)


def test_every_verdict_comes_out_the_same(log: Path) -> None:
    found = replayed(log)
    assert [r.same for r in found] == [True] * 2 * len(PLANS)
    words = [r.says.partition(",")[0] for r in found]
    assert set(words) == {"checked", "checked with guards", "refused"}
    assert {r.run for r in found} == {"r"}
    assert all("the same; " in r.says for r in found if r.says.startswith("refused"))


def test_one_plan_can_be_asked_for(log: Path) -> None:
    found = replayed(log, digest(1).removeprefix("sha256:")[:12])
    assert [r.plan for r in found] == [digest(1)] * 2
    assert replayed(log, "no") == []


def test_a_verdict_that_was_changed_is_found(log: Path) -> None:
    def let_pass(body: dict[str, Any]) -> None:
        if body["verdict"] == "refused":
            body.pop("violations")
            body.update(verdict="checked", guards=[])

    rewrite(log, let_pass)
    wrong = [r for r in replayed(log) if r.same is False]
    assert wrong
    assert {r.says for r in wrong} == {"was checked, is refused now or for other reasons"}


def test_a_guard_that_was_left_out_is_found(log: Path) -> None:
    rewrite(log, lambda body: body.get("guards", []).clear())
    assert False in [r.same for r in replayed(log)]


def test_another_state_is_found(log: Path) -> None:
    other = sealed(log)(state_json(dataclasses.replace(LATER, facts=frozenset())))
    rewrite(log, lambda body: body.update(state=other))
    assert False in [r.same for r in replayed(log)]


def test_what_was_erased_is_not_replayed_and_the_rest_is(log: Path) -> None:
    store = sealed(log)
    name = store.named(digest(1))
    assert store.erase([name]) == 1
    found = replayed(log)
    assert [r.same for r in found if r.plan == name] == [None, None]
    assert all("has been erased" in r.says for r in found if r.plan == name)
    assert all(r.same for r in found if r.plan != name)
    assert verify(log, public_key=None).ok


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 100_000])
def test_a_payload_that_was_changed_is_not_replayed(log: Path, data: bytes) -> None:
    name = sealed(log).named(digest(0))
    with sqlite3.connect(log.with_name(FILE)) as db:
        db.execute("UPDATE boxes SET box = ? WHERE name = ?", (data, name))
    found = [r for r in replayed(log) if r.plan == name]
    assert [r.same for r in found] == [None, None]
    assert all("not what the ledger names" in r.says for r in found)


@pytest.mark.parametrize("state", ["null", "{}", "[]", '{"request":1}', '"x"'])
def test_a_payload_that_is_no_state_is_not_replayed(log: Path, state: str) -> None:
    name = sealed(log)(json.loads(state))
    rewrite(log, lambda body: body.update(state=name))
    assert {r.same for r in replayed(log)} == {None}
    assert all("no state of a run" in r.says for r in replayed(log))


@pytest.mark.parametrize("change", [{"domain": "gone"}, {"state": 7}, {"state": "../../x"}])
def test_a_record_that_cannot_be_followed_is_not_replayed(
    log: Path, change: dict[str, Any]
) -> None:
    rewrite(log, lambda body: body.update(change))
    assert {r.same for r in replayed(log)} == {None}


def test_a_domain_that_has_changed_is_not_replayed(log: Path) -> None:
    newer = dataclasses.replace(till(), digest="sha256:" + "1" * 64)
    found = list(replay_log(log, lambda name: newer))
    assert {(r.same, r.says.partition("; ")[2]) for r in found} == {
        (None, "not replayed: till has changed since")
    }


def test_an_unfinished_last_line_is_left_out_and_any_other_is_an_error(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b'{"artifact":')
    assert len(replayed(log)) == 2 * len(PLANS)
    with log.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(LedgerError, match=r"ledger.jsonl:10: .*bb log verify"):
        replayed(log)


@pytest.mark.parametrize("draft", ['{"steps":[{"id":', ""])
def test_a_verdict_that_no_checker_gave_is_not_compared(tmp_path: Path, draft: str) -> None:
    ran(tmp_path, "r", "cancel-1", draft)
    found = list(replay_log(tmp_path / "ledger.jsonl", lambda name: shop()))
    assert found and {one.same for one in found} == {None}
    assert {one.says for one in found} == {
        "refused; not replayed: there was no whole plan to check"
    }
