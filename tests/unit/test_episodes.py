"""Episodes out of a ledger that real runs on the shop's twin have left."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from bb_infra.checkpoint import own_key
from bb_infra.entry import read_entries
from bb_infra.episodes import episodes
from bb_infra.ledger import LedgerFile
from bb_infra.sealed import own_sealed
from tests.ledgered import gold, ran, shop, task


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
    assert [e.id for e in again.before] == ["one"]


def test_what_was_erased_is_not_learnt_from(tmp_path: Path) -> None:
    ran(tmp_path, "one", "cancel-1", gold("cancel-1"))
    sealed = own_sealed(tmp_path)
    assert sealed.erase(sealed.containing(task("cancel-1").prompt[:30]))
    assert episodes(tmp_path / "ledger.jsonl", shop()).examples == ()


def test_a_plan_that_failed_is_not_learnt_though_the_run_went_on_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "ledger.jsonl"
    ran(tmp_path, "one", "cancel-1", gold("cancel-1"))
    rows = [entry.record for entry in read_entries(log)]
    place = next(n for n, row in enumerate(rows) if "status" in row.body and row.type == "done")
    failed = replace(rows[place], body={**rows[place].body, "status": "failed"})
    for path in tmp_path.glob("ledger.jsonl*"):
        path.unlink()
    with LedgerFile(log, own_key(tmp_path)) as again:
        for row in [*rows[:place], failed, *rows[place:]]:
            again(row)
    assert episodes(log, shop()).examples == ()
