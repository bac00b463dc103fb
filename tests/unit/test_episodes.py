"""Episodes out of a ledger that real runs on the shop's twin have left."""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from bb_core import discover
from bb_core.adapters import World
from bb_core.battery import Task
from bb_core.canonical import Json
from bb_core.compiled import Compiled, compile_domain
from bb_core.verdict import Checked
from bb_infra.ledger import LedgerFile
from bb_infra.running import sealing
from bb_infra.sealed import own_sealed
from bb_runtime.approve import by_policy
from bb_runtime.execute import execute
from bb_runtime.outcome import RunResult
from bb_runtime.rounds import Ask, Draft, Runner

pytest.importorskip("torch")

from bb_infra.episodes import episodes

YES = by_policy(lambda request: True, "test")


@cache
def shop() -> Compiled:
    return compile_domain(discover().get("api_json"))


def task(ident: str) -> Task:
    return next(one for one in shop().battery if one.id == ident)


def carry(
    checked: Checked, run: str, note: Mapping[str, Json], world: World, ledger: Any
) -> RunResult:
    return execute(
        checked, shop().adapters(), world, approve=YES, ledger=ledger, run=run, note=note
    )


def ran(folder: Path, name: str, ident: str, *drafts: str) -> None:
    """One run of a task on its twin, each draft after the other, told to the folder's ledger."""
    texts = iter(drafts)
    world = shop().adapters().twin(task(ident).world)
    try:
        with LedgerFile(folder / "ledger.jsonl") as book:
            sealed = own_sealed(folder)
            ledger = sealing(book, sealed)

            def planner(ask: Ask) -> Draft:
                return Draft(next(texts, drafts[-1]))

            carrying = partial(carry, world=world, ledger=ledger)
            runner = Runner(shop(), (planner,), carrying, ledger, "sha256:0", keep=sealed)
            runner.run(name, task(ident).prompt)
    finally:
        world.close()


def gold(ident: str) -> str:
    return shop().print(shop().read(task(ident).rounds[-1]))


def test_a_run_that_was_done_is_an_episode_and_one_that_was_not_is_none(tmp_path: Path) -> None:
    ran(tmp_path, "good", "cancel-1", gold("cancel-1"))
    ran(tmp_path, "bad", "cancel-2", '{"steps":[]}')
    found = episodes(tmp_path / "ledger.jsonl", shop())
    assert [e.id for e in found.examples] == ["good"]
    (one,) = found.examples
    assert one.scene.text == task("cancel-1").prompt
    assert shop().print(one.plan) == gold("cancel-1")
    assert found.corrected == 0


def test_a_plan_that_followed_a_refused_one_corrects_it(tmp_path: Path) -> None:
    ran(tmp_path, "r", "cancel-1", '{"steps":[]}', gold("cancel-1"))
    found = episodes(tmp_path / "ledger.jsonl", shop())
    assert found.corrected == 1 and [e.id for e in found.examples] == ["r"]


def test_only_what_is_new_is_given_again(tmp_path: Path) -> None:
    ran(tmp_path, "one", "cancel-1", gold("cancel-1"))
    first = episodes(tmp_path / "ledger.jsonl", shop())
    assert episodes(tmp_path / "ledger.jsonl", shop(), first.seq).examples == ()
    ran(tmp_path, "two", "cancel-4", gold("cancel-4"))
    again = episodes(tmp_path / "ledger.jsonl", shop(), first.seq)
    assert [e.id for e in again.examples] == ["two"]


def test_what_was_erased_is_not_learnt_from(tmp_path: Path) -> None:
    ran(tmp_path, "one", "cancel-1", gold("cancel-1"))
    sealed = own_sealed(tmp_path)
    assert sealed.erase(sealed.containing(task("cancel-1").prompt[:30]))
    assert episodes(tmp_path / "ledger.jsonl", shop()).examples == ()
