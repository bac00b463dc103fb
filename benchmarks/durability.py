"""kill -9 at random instants: is every effect made exactly once, and every result the right one?

usage: python benchmarks/durability.py [--kills N] [--seed S]

Plans with parallel branches run durably against the bank of tests/bank: a real HTTP service on
SQLite in a process of its own, which answers a share of the calls only after the caller has given
up, with the effect committed. The process that runs the plan is killed at a random instant, again
and again, until a life lasts to the end. Then the service's effects and the run's results are
compared with an undisturbed run of the same plan on a fresh service. Tools with keys take part, and
tools without, which are reconciled. Not covered: power loss; a killed service.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import report

from bb_core.record import Record
from bb_core.verdict import Checked
from bb_runtime.durable import Durable
from bb_runtime.execute import RunResult, execute
from bb_runtime.job import Settings
from bb_runtime.progress import Event

sys.path.append(str(Path(__file__).parents[1]))
from tests.bank.domain import HTTP, Http, bank, checked, service

ARTIFACT = "sha256:" + "b" * 64
LATE_SHARE = 0.12
LIVES = 60
"""More lives than this for one plan means that it makes no headway."""


@dataclass
class Tally:
    """What all runs together came to."""

    runs: int = 0
    kills: int = 0
    steps: int = 0
    effects: int = 0
    sent_again: int = 0
    twin_records: int = 0
    wrong: list[str] = field(default_factory=list)


def a_plan(rng: random.Random) -> list[dict[str, Any]]:
    """Two to four branches on accounts of their own, some of them joined in the end."""
    steps: list[dict[str, Any]] = []
    tails: list[str] = []

    def add(tool: str, args: dict[str, Any], after: list[str]) -> str:
        ident = f"n{len(steps) + 1}"
        row = {"id": ident, "tool": tool, "args": args}
        steps.append(row | ({"after": after} if after else {}))
        return ident

    for branch in range(rng.randint(2, 4)):
        here = add("look", {"account": f"a{branch}"}, [])
        for _ in range(rng.randint(1, 3)):
            tool = rng.choice(["add", "add", "take", "write"])
            memo = f"s{len(steps) + 1}-{rng.randrange(10**6)}"
            known = {"$ref": f"{here}/account"} if steps[-1]["tool"] != "write" else f"a{branch}"
            moved = {"account": known, "cents": rng.randint(1, 40), "memo": memo}
            here = add(tool, {"text": memo} if tool == "write" else moved, [here])
        tails.append(here)
    book = {"text": f"end {rng.randrange(10**6)}"}
    add("write", book, sorted(rng.sample(tails, rng.randint(1, len(tails)))))
    rng.shuffle(steps)
    return steps


def live(plan: Checked, port: int, folder: Path, begun: int) -> None:
    """One life of the process that runs the plan, to its end."""

    def ledger(record: Record) -> None:
        line = json.dumps([record.type, dict(record.body)]) + "\n"
        with (folder / "ledger").open("a") as file:
            file.write(line)

    def progress(event: Event) -> None:
        if event.status == "started":
            os.write(begun, b".")

    settings = Settings(backoff_s=0.02)
    with Durable(f"sqlite:///{folder}/runs.db", ARTIFACT) as engine:
        result = execute(
            plan, HTTP, Http(port), engine=engine, run="bench", artifact=ARTIFACT,
            ledger=ledger, progress=progress, settings=settings,
        )  # fmt: skip
    (folder / "result").write_text(json.dumps(result.to_json()))


def forked(work: Callable[[int], None]) -> tuple[int, int]:
    """A child that does the work; its id and the end of a pipe that says when a step has started.

    A fork, because importing everything anew takes longer than most plans live.
    """
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    os.close(read)
    try:
        work(write)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def one_life(rng: random.Random, span: float, work: Callable[[int], None], kill: bool) -> str:
    """How the life ended: `killed`, `ended` or `failed`."""
    child, begun = forked(work)
    if kill:
        if rng.random() < 0.9:
            os.read(begun, 1)  # comes when the first step starts, or with the child's end
            time.sleep(rng.uniform(0, span))
        else:
            time.sleep(rng.uniform(0, 0.15))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(begun)
    if os.WIFSIGNALED(status):
        return "killed"
    return "failed" if os.WEXITSTATUS(status) else "ended"


def effects(database: Path) -> Counter[str]:
    """The service's effects, with how often each was made."""
    db = sqlite3.connect(database)
    rows = db.execute("SELECT tool, args FROM effects").fetchall()
    db.close()
    return Counter(f"{tool} {json.dumps(json.loads(args), sort_keys=True)}" for tool, args in rows)


def undisturbed(plan: Checked, folder: Path) -> tuple[RunResult, Counter[str], float]:
    """The same plan on a fresh service, with no faults; and how long it took."""
    with service(folder / "calm.db") as port:
        began = time.monotonic()
        result = execute(plan, HTTP, Http(port), run="bench")
        return result, effects(folder / "calm.db"), time.monotonic() - began


def one_run(rng: random.Random, tally: Tally, most: int, folder: Path) -> None:
    """One plan through as many lives as it takes, then the comparison."""
    plan = checked(a_plan(rng))
    calm, expected, took = undisturbed(plan, folder)
    seed = rng.randrange(10**6)
    with service(folder / "bank.db", seed=seed, rate=LATE_SHARE) as port:
        for _ in range(LIVES):
            kill = tally.kills < most and rng.random() < 0.85
            span = took * rng.choice([1, 2, 8])
            end = one_life(rng, span, lambda begun: live(plan, port, folder, begun), kill)
            tally.kills += end == "killed"
            if end != "killed":
                break
    tally.runs += 1
    tally.steps += len(plan.order)
    tally.wrong += [f"run {tally.runs}: {why}" for why in faults(folder, end, calm, expected)]
    tally.effects += sum(expected.values())
    tally.sent_again += sent_again(folder / "bank.db")
    tally.twin_records += twins(folder)


def faults(folder: Path, end: str, calm: RunResult, expected: Counter[str]) -> list[str]:
    """Everything that differs from the undisturbed run."""
    if end != "ended":
        return [f"the last life {end}"]
    result = RunResult.from_json(json.loads((folder / "result").read_text()))
    found = [f"{s}: {o.status}: {o.why}" for s, o in result.outcomes.items() if not o.done]
    for ident, right in calm.results.items():
        if ident in result.results and result.results[ident] != right:
            found.append(f"{ident}: {result.results[ident]} instead of {right}")
    made = effects(folder / "bank.db")
    found += [f"{made[e]} times: {e}" for e in (made | expected) if made[e] != expected[e]]
    return found + unwritten(folder)


def records(folder: Path) -> list[Any]:
    """The ledger's records; a line cut short by the kill is not one."""
    rows = []
    for line in (folder / "ledger").read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def unwritten(folder: Path) -> list[str]:
    """Results of acting steps that no intent was written ahead of."""
    intents, found = set(), []
    for kind, body in records(folder):
        if kind == "intent":
            intents.add(body["step"])
        elif kind == "result" and body["key"] and body["step"] not in intents:
            found.append(f"{body['step']}: a result before its intent")
    return found


def twins(folder: Path) -> int:
    """Records written again because a kill came between them and their checkpoint."""
    written = Counter((kind, body["step"]) for kind, body in records(folder))
    return sum(n - 1 for n in written.values())


def sent_again(database: Path) -> int:
    """Calls the service saw more than once under one key."""
    db = sqlite3.connect(database)
    rows = db.execute("SELECT COUNT(*) FROM calls WHERE key != '' GROUP BY key").fetchall()
    db.close()
    return sum(n - 1 for (n,) in rows)


def main() -> int:
    """Run plans until enough lives have been cut short."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=300)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    rng, tally, began = random.Random(chosen.seed), Tally(), time.monotonic()
    bank()
    while tally.kills < chosen.kills:
        with tempfile.TemporaryDirectory() as folder:
            one_run(rng, tally, chosen.kills, Path(folder))
        report.say(f"{tally.kills} kills, {tally.runs} runs, {len(tally.wrong)} wrong")
    for why in tally.wrong:
        report.say(why)
    return report.emit(
        "durability",
        not tally.wrong,
        seed=chosen.seed,
        versions=("dbos", "SQLAlchemy"),
        bar="every effect once, results as undisturbed, over 300 kills",
        kills=tally.kills,
        runs=tally.runs,
        steps=tally.steps,
        effects=tally.effects,
        wrong=len(tally.wrong),
        calls_sent_again=tally.sent_again,
        records_written_again=tally.twin_records,
        seconds=round(time.monotonic() - began),
    )


if __name__ == "__main__":
    raise SystemExit(main())
