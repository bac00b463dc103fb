"""The retail tools and policy of tau-bench as a domain: plans in, verdicts and effects out.

    kept       every reference plan that keeps the policy is accepted by the checker and the guards,
               carried out on the twin, and changes the database exactly as the pack records
    broken     every reference call that breaks it is refused with the rule it breaks, and the rest
               of its task still goes through
    mutants    every plan made to break it is refused with its rule, and nothing changes

The data pack is read where $BB_DATA or ../shared/data has it; nothing of it is in this repository.
"""

import argparse
import gzip
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from carry import Carried, carry  # noqa: E402
from convert import FAILED, FIND, WRITES, Round, expected, rounds  # noqa: E402
from domain import retail  # noqa: E402
from mutant import Mutant  # noqa: E402
from mutants import CLASSES, mutants  # noqa: E402
from report import emit, say, skip  # noqa: E402
from twin import Data, Retail, adapters, load  # noqa: E402

from bb_core.adapters import Call  # noqa: E402
from bb_core.errors import ToolError  # noqa: E402

SEED = 20260101
Rows = list[dict[str, Any]]
Tally = dict[str, dict[str, int]]


def pack() -> Path | None:
    """The folder of the tau data pack, if it is there."""
    roots = [os.environ.get("BB_DATA", ""), str(HERE.parents[2] / "shared" / "data")]
    found = [Path(root, "tau") for root in roots if root]
    return next((path for path in found if (path / "retail.db.json.gz").is_file()), None)


def records(path: Path) -> list[dict[str, Any]]:
    """The pack's retail tasks."""
    with gzip.open(path / "tasks.dev.jsonl.gz", "rt", encoding="utf-8") as file:
        return [r for r in map(json.loads, file) if r["id"].startswith("retail/")]


def same(found: Rows, wanted: Rows) -> bool:
    """Whether two diffs are the same rows, to the last digit and type."""
    return sorted(map(_text, found)) == sorted(map(_text, wanted))


def _text(row: Mapping[str, Any]) -> str:
    return json.dumps(row, sort_keys=True)


def by_tools_alone(record: Mapping[str, Any], data: Data, *, keep_broken: bool) -> Rows:
    """What the reference calls change when the twin's tools are called with no checker at all."""
    world, tools = Retail(data), adapters(data).tools
    for number, action in enumerate(record["actions"]):
        if keep_broken or not expected(action):
            try:
                call = Call(world, "n1", f"{number}", 1.0)
                tools[action["name"]](action["arguments"], call)
            except ToolError:
                continue
    return world.diff()


class Bench:
    """The compiled domain, the twin's tools, and the counts so far."""

    def __init__(self, data: Data) -> None:
        self.data, self.compiled, self.tools = data, retail(), adapters(data)
        self.classes: Tally = defaultdict(
            lambda: {"plans": 0, "as_expected": 0, "before_running": 0}
        )
        self.kept = {"plans": 0, "accepted": 0}
        self.unanswered = {"plans": 0, "as_expected": 0}
        self.tasks = {"tasks": 0, "exact_diff": 0, "twin_exact": 0}

    def carry(self, plans: Iterable[list[dict[str, Any]]], **more: Any) -> Carried:
        """Carry rounds out on a fresh twin."""
        world = more.pop("world", None) or Retail(self.data)
        return carry(self.compiled, self.tools, world, list(plans), **more)

    def reference(self, record: Mapping[str, Any]) -> list[Round]:
        """Judge one reference task, round by round and by what it changed."""
        plans = rounds(record, self.data)
        found = self.carry((plan.steps for plan in plans), request=record["instruction"])
        for plan, seen in zip(plans, found.rounds, strict=True):
            if not plan.expect:
                self.kept["plans"] += 1
                self.kept["accepted"] += seen.status == "done"
                good = seen.status == "done"
            elif plan.expect == FAILED:
                good = seen.status == FAILED
                self.unanswered["plans"] += 1
                self.unanswered["as_expected"] += good
            else:
                good = plan.expect in seen.rules
                self._count(f"reference breaks {plan.expect}", good, seen.static)
            if not good:
                say(f"{record['id']}: expected {plan.expect or 'done'}: {seen.status}: {seen.why}")
        self._effects(record, found)
        return plans

    def _effects(self, record: Mapping[str, Any], found: Carried) -> None:
        broken = any(expected(a) == "G.different" for a in record["actions"])
        wanted = (
            by_tools_alone(record, self.data, keep_broken=False) if broken else record["db_diff"]
        )
        exact = same(found.diff, wanted)
        if not exact:
            say(f"{record['id']}: the database is not changed as recorded")
        self.tasks["tasks"] += 1
        self.tasks["exact_diff"] += exact
        alone = by_tools_alone(record, self.data, keep_broken=True)
        self.tasks["twin_exact"] += same(alone, record["db_diff"])

    def mutant(self, mutant: Mutant) -> None:
        """Judge one mutant: its rule must refuse it, and nothing may have changed."""
        found = self._carried(mutant, mutant.rounds)
        before = self._carried(mutant, mutant.rounds[:-1]).diff
        last = found.rounds[-1]
        good = mutant.rule in last.rules and found.diff == before
        self._count(mutant.name, good, last.static)
        self.classes[mutant.name].setdefault("tools_alone", 0)
        self.classes[mutant.name]["tools_alone"] += self._tools_refuse(mutant)
        if not good:
            say(f"{mutant.name}: expected {mutant.rule}: {last.status}: {last.why}")

    def _carried(self, mutant: Mutant, plans: list[list[dict[str, Any]]]) -> Carried:
        return self.carry(plans, world=self._world(mutant), yes=lambda request: mutant.yes)

    def _world(self, mutant: Mutant) -> Retail:
        world = Retail(self.data)
        for (kind, ident), change in mutant.world.items():
            world.edit(kind, ident).update(change)
        return world

    def _tools_refuse(self, mutant: Mutant) -> bool:
        """Whether the tools by themselves stop it, called with no checker: for contrast."""
        world = self._world(mutant)
        for number, step in enumerate(step for steps in mutant.rounds for step in steps):
            try:
                call = Call(world, step["id"], f"{number}", 1.0)
                self.tools.tools[step["tool"]](step["args"], call)
            except (ToolError, LookupError, ValueError):
                return True
        return False

    def _count(self, name: str, good: bool, static: bool) -> None:
        row = self.classes[name]
        row["plans"] += 1
        row["as_expected"] += good
        row["before_running"] += static


def sources(plans: list[Round]) -> list[list[dict[str, Any]]]:
    """What mutants are made of: the plan of a task with one round and one write, its last step."""
    if len(plans) != 1 or plans[0].expect:
        return []
    steps = plans[0].steps
    acting = [step["id"] for step in steps if step["tool"] in WRITES]
    starts = steps[0]["tool"] in FIND and steps[-1]["tool"] in WRITES
    return [steps] if starts and len(acting) == 1 else []


def main() -> int:
    """Run all three parts; the exit status is 0 only if every plan came out as expected."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--each", type=int, default=30, help="mutants of each class")
    each, path = options.parse_args().each, pack()
    if path is None:
        return skip("tau_retail", "no tau data pack; set BB_DATA to the folder that holds tau/")
    began, bench = time.perf_counter(), Bench(load(path / "retail.db.json.gz"))
    plans = [bench.reference(record) for record in records(path)]
    say(f"references done after {time.perf_counter() - began:.0f} s")
    single = [steps for plan in plans for steps in sources(plan)]
    for mutant in mutants(single, bench.data, each, SEED):
        bench.mutant(mutant)
    broken = {
        key: sum(row[key] for row in bench.classes.values()) for key in ("plans", "as_expected")
    }
    passed = (
        bench.kept["plans"] == bench.kept["accepted"]
        and broken["plans"] == broken["as_expected"]
        and bench.unanswered["plans"] == bench.unanswered["as_expected"]
        and bench.tasks["tasks"] == bench.tasks["exact_diff"] == bench.tasks["twin_exact"]
        and CLASSES.keys() <= bench.classes.keys()
    )
    return emit(
        "tau_retail",
        passed,
        seed=SEED,
        versions=("common-expression-language", "jsonschema-rs"),
        plans=bench.kept["plans"] + broken["plans"],
        accepted=bench.kept["accepted"],
        refused_right_reason=broken["as_expected"],
        keeping=bench.kept,
        breaking=broken,
        lookups_that_find_nothing=bench.unanswered,
        tasks=bench.tasks,
        classes=bench.classes,
        seconds=round(time.perf_counter() - began, 1),
    )


if __name__ == "__main__":
    sys.exit(main())
