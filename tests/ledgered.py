"""Ledgers that real runs on the shop's twin have left."""

from collections.abc import Mapping
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import Any

from bb_core import discover
from bb_core.adapters import World
from bb_core.battery import Task
from bb_core.canonical import Json
from bb_core.compiled import Compiled, compile_domain
from bb_core.verdict import Checked
from bb_infra.checkpoint import own_key
from bb_infra.ledger import LedgerFile
from bb_infra.running import sealing
from bb_infra.sealed import own_sealed
from bb_runtime.approve import by_policy
from bb_runtime.execute import execute
from bb_runtime.outcome import RunResult
from bb_runtime.rounds import Ask, Draft, Runner

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
        log = LedgerFile(folder / "ledger.jsonl", own_key(folder))
        with log as book, closing(own_sealed(folder)) as sealed:
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
