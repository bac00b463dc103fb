"""kill -9 while versions are promoted and rolled back: is the pointer whole, the ledger true?

usage: python benchmarks/promotion_kill.py [--cycles 200] [--seed S]

A process promotes and takes back, again and again, with real signed artifacts, the real gate and
the real ledger, and is killed at a random instant; then another goes on. After every death the
pointer must read back whole, with its chain; once the next process has caught the ledger up, every
move is on it and nothing else is, and it verifies. Then two processes race for the same move: one
wins, the other is told so. Not covered: power loss; a disk that lies.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import report

from bb_infra.checkpoint import own_key, read_public
from bb_infra.entry import read_log
from bb_infra.ledger import LedgerFile
from bb_infra.verify import verify
from bb_infra.versions import caught_up
from bb_safety import Divergence, Evidence, Golden, Metric, Pair, Policy, Registry, gate, take_back
from bb_safety.errors import StaleDecision

DOMAIN = "shop"
POLICY = Policy(epsilon=0.3, anchor_epsilon=0.3, epsilon_total=100.0, kappa=0.5)
PAIRS = tuple(Pair(str(n), n, (0.0,), (0.0,)) for n in range(40))


class Site:
    """A registry with two versions and a ledger beside it."""

    def __init__(self, folder: Path) -> None:
        self.state, self.home = folder, Registry(folder / "registry")
        self.versions = []
        for name in ("first", "second"):
            made = folder / name
            made.mkdir()
            (made / "rail.safetensors").write_bytes(name.encode() * 1000)
            self.versions.append(self.home.add(made, DOMAIN, {"name": name}).digest)
        self.pointer = self.home.pointer(DOMAIN)
        self.log = folder / "ledger.jsonl"

    def evidence(self, candidate: str) -> Evidence:
        """What would let a version that does no harm pass, as things stand; new at every move,
        since what was shown once promotes once."""
        now = self.pointer.standing()
        told = Evidence(candidate, now.current, now.anchor, (Metric("harm", 1.0),), spent=now.spent)
        kl = tuple(Divergence(name, ((0.0,),) * 40) for name in ("incumbent", "anchor"))
        rows = tuple(
            Pair(p.task, p.seed + len(PAIRS) * now.seq, p.candidate, p.incumbent, (0.0,))
            for p in PAIRS
        )
        golden = (Golden("plan", True),)
        return replace(told, pairs=rows, golden=golden, divergences=kl)

    def cycle(self) -> None:
        """One promotion or one rollback, whichever is next."""
        with LedgerFile(self.log, own_key(self.state)) as ledger:
            caught_up(self.pointer, self.log, ledger)
            now, (first, second) = self.pointer.standing(), self.versions
            if now.current == second:
                told = Evidence(second, now.previous, now.anchor, (Metric("harm", 1.0),))
                decision = take_back(told, POLICY, "bench", "the next cycle")
            else:
                wanted = second if now.current else first
                decision = gate(self.evidence(wanted), POLICY, approved_by="bench")
            ledger(decision.record)
            self.pointer.move(decision, ledger)

    def wrong(self) -> list[str]:
        """What is not as it must be, once the ledger has been caught up."""
        moves = self.pointer.history()
        with LedgerFile(self.log, own_key(self.state)) as ledger:
            caught_up(self.pointer, self.log, ledger)
        told = [dict(r.body) for r in read_log(self.log) if r.type == "moved"]
        seqs = [row["standing"]["seq"] for row in told]
        found = [f"{len(moves)} moves, {sorted(seqs)[-3:]} told"] * (
            sorted(seqs) != [move.seq for move in moves]
        )
        by_seq = {move.seq: move for move in moves}
        found += [
            f"move {row['standing']['seq']} is told otherwise"
            for row in told
            if by_seq[row["standing"]["seq"]].current != row["standing"]["current"]
        ]
        key = read_public(self.state / "ledger.pub")
        return found + [str(p) for p in verify(self.log, public_key=key).problems]


def child(work: Callable[[], None]) -> int:
    """Work in a process of its own; its id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except StaleDecision:
            os._exit(3)
        except BaseException:
            traceback.print_exc()
            os._exit(70)
    return pid


def killed(site: Site, after: float) -> int:
    """Cycle until killed; the status it died with."""

    def work() -> None:
        while True:
            site.cycle()

    pid = child(work)
    time.sleep(after)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def race(site: Site) -> list[int]:
    """Two processes with a decision on the same standing; their exit statuses, sorted."""
    first, second = site.versions
    while site.pointer.standing().current != first:  # nothing is promoted beside a canary
        site.cycle()
    told = site.evidence(second)

    def work() -> None:
        decision = gate(told, POLICY, approved_by="bench")
        site.pointer.move(decision, lambda record: None)

    pids = [child(work) for _ in range(2)]
    return sorted(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids)


def trial(cycles: int, seed: int) -> dict[str, Any]:
    """Kill, look, go on; then race."""
    source, problems, landed = random.Random(seed), list[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        began = time.monotonic()
        site.cycle()
        usual = time.monotonic() - began
        for number in range(cycles):
            status = killed(site, source.uniform(0.0, 4 * usual))
            if status != -signal.SIGKILL:
                problems.append(f"cycle {number}: a process ended with {status}")
            before = len(site.pointer.history())
            recorded = sum(r.type == "moved" for r in read_log(site.log))
            landed += before != recorded
            problems += [f"cycle {number}: {found}" for found in site.wrong()]
            if (number + 1) % 50 == 0:
                report.say(f"{number + 1} kills, {before} moves, {len(problems)} problems")
        moves = len(site.pointer.history())
        left = len(list((site.state / "registry").rglob(".new-*")))
        races = [race(site) for _ in range(10)]
        site.wrong()
        after = sum(move.verdict == "promote" for move in site.pointer.history()[moves:])
        records = [json.loads(line) for line in site.log.read_bytes().splitlines()]
    problems += [f"a race ended {r}" for r in races if r != [0, 3]]
    return {
        "kills": cycles,
        "moves": moves,
        "deaths_between_move_and_record": landed,
        "half_written_left": left,
        "ledger_records": len(records),
        "races": len(races),
        "race_moves": after,
        "problems": problems[:5],
        "wrong": len(problems),
    }


def main() -> int:
    """Run the trial and hold it to the bar."""
    options = argparse.ArgumentParser()
    options.add_argument("--cycles", type=int, default=200)
    options.add_argument("--seed", type=int, default=5)
    given = options.parse_args()
    found = trial(given.cycles, given.seed)
    passed = not found["wrong"] and found["moves"] > 0 and found["race_moves"] == found["races"]
    bar = (
        "after every kill -9 the pointer reads whole and the ledger, caught up, has each move once"
    )
    versions = ("model-signing", "cryptography")
    return report.emit(
        "promotion_kill", passed, seed=given.seed, versions=versions, bar=bar, **found
    )


if __name__ == "__main__":
    sys.exit(main())
