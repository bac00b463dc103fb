"""Does the checker catch every class of wrong plan, pass every right one, and what does it cost?

Every reference plan of api_json's battery runs on a fresh twin and must cause its task's diff.
Every mutant of it must be stopped, and the table says by whom: the static rules, the guards, the
shop's own refusals, or only the oracle. Then the time of one 12-step plan, beside jsonschema and
networkx doing structure alone.

usage: python benchmarks/checker.py [--tasks N]
"""

import argparse
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import jsonschema
import networkx
from report import emit, say

from bb_core import discover
from bb_core.battery import Task
from bb_core.check import check
from bb_core.compiled import Compiled, compile_domain
from bb_core.mutants import pool_of
from bb_core.plan import Plan, needs, to_json
from bb_core.verdict import Checked
from bb_runtime.trial import broken, gold

CLASSES = {
    "cycle": "cycle",
    "dangling": "dangling reference",
    "unauthenticated": "no authentication",
    "unconfirmed": "no confirmation",
    "unobserved": "not observed before the write",
    "second-user": "second user in one plan",
    "foreign-entity": "another customer's order",
    "race": "unordered double write",
    "changed-after-consent": "arguments changed after consent",
    "wrong-type": "wrong type",
    "bad-enum": "bad enum value",
    "foreign-PaymentId": "foreign payment method",
    "foreign-ItemId": "product swap",
}
STOPPED_BEFORE_EFFECT = ("static", "guards")
ROUNDS = 400


def main() -> int:
    """Run the battery and its mutants, time the check, print one line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--tasks", type=int, default=0, help="only the first N tasks")
    most = asked.parse_args().tasks
    domain = compile_domain(discover().get("api_json"))
    tasks = [t for t in domain.battery if t.expect == "done"][: most or None]
    blocked, table = trials(domain, tasks)
    missing = sorted(set(CLASSES) - table.keys())
    late = {
        k: sum(n for by, n in c.items() if by not in STOPPED_BEFORE_EFFECT)
        for k, c in table.items()
    }
    passed = not blocked and not missing and not any(late[k] for k in CLASSES if k in late)
    return emit(
        "checker",
        passed,
        versions=("jsonschema", "networkx", "jsonschema-rs"),
        bar="13 mutant classes caught before any effect, 0 gold plans blocked",
        gold_plans=len(tasks),
        gold_blocked=blocked,
        classes_caught=len(CLASSES) - len(missing) - sum(bool(late.get(k)) for k in CLASSES),
        classes_without_a_mutant=missing,
        caught={CLASSES.get(k, k): dict(c) for k, c in sorted(table.items())},
        **times(domain),
    )


def trials(domain: Compiled, tasks: list[Task]) -> tuple[int, dict[str, Counter[str]]]:
    """Gold plans that did not do their task's work, and who stopped the mutants of the others."""
    adapters, blocked = domain.adapters(), 0
    pool = pool_of(domain.schema, [domain.read(r) for t in tasks for r in t.rounds])
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for task in tasks:
        right = gold(domain, adapters, task)
        if right.caught != "nothing":
            say(f"{task.id}: {right.caught}: {'; '.join(right.why)}")
            blocked += 1
            continue
        for trial in broken(domain, adapters, task, right, pool):
            table[trial.kind][trial.caught] += 1
            if trial.caught not in STOPPED_BEFORE_EFFECT:
                say(f"{task.id}: {trial.kind}: {trial.caught}: {'; '.join(trial.why)[:200]}")
    return blocked, table


TWELVE: list[dict[str, Any]] = [
    {"id": "n1", "tool": "find_user_by_email", "args": {"email": "ana@example.org"}},
    *(
        {"id": f"n{i}", "tool": "get_order", "args": {"order_id": f"W100{i}"}, "after": ["n1"]}
        for i in range(2, 7)
    ),
    {
        "id": "n7",
        "tool": "confirm",
        "args": {"question": "Move five orders to this card?"},
        "after": [f"n{i}" for i in range(2, 7)],
    },
    *(
        {
            "id": f"n{i}",
            "tool": "modify_payment",
            "args": {
                "order_id": f"W100{i - 6}",
                "payment_method_id": {"$ref": f"n{i - 6}/payment_method_id"},
            },
            "after": ["n7"],
        }
        for i in range(8, 13)
    ),
]


def times(domain: Compiled) -> dict[str, Any]:
    """Microseconds per 12-step plan: all our rules, the peers' structure alone, interleaved."""
    plan = domain.read(TWELVE)
    verdict = check(domain, plan)
    assert isinstance(verdict, Checked), verdict
    ours, theirs = list[float](), list[float]()
    peer = structure_only(domain)
    for _ in range(ROUNDS):
        ours.append(clock(lambda: check(domain, plan)))
        theirs.append(clock(lambda: peer(plan)))
    mine, other = statistics.median(ours), statistics.median(theirs)
    return {
        "us_per_12_step_plan": round(mine),
        "us_jsonschema_and_networkx_structure_only": round(other),
        "ratio": round(mine / other, 3),
        "guards_left": len(verdict.guards),
    }


def structure_only(domain: Compiled) -> Callable[[Plan], bool]:
    """What the peers can say of a plan: its shape against a JSON Schema, and no cycle."""
    arms = [
        {"properties": {"tool": {"const": name}, "args": open_args(domain, name)}}
        for name in domain.schema.tools
    ]
    step = {"type": "object", "required": ["id", "tool", "args"], "oneOf": arms}
    document = {"type": "object", "properties": {"steps": {"type": "array", "items": step}}}
    validator = jsonschema.Draft202012Validator(document)

    def judge(plan: Plan) -> bool:
        graph = networkx.DiGraph((need, s.id) for s in plan.steps for need in needs(s))
        known = {s.id for s in plan.steps}
        shape: bool = validator.is_valid(to_json(plan))
        return shape and known >= set(graph) and networkx.is_directed_acyclic_graph(graph)

    return judge


def open_args(domain: Compiled, tool: str) -> dict[str, Any]:
    """A tool's arguments, each of which may also be a reference."""
    schema = domain.schema.args_schema(tool)
    ref = {"type": "object", "required": ["$ref"]}
    return {
        **schema,
        "properties": {k: {"anyOf": [v, ref]} for k, v in schema["properties"].items()},
    }


def clock(work: Callable[[], object]) -> float:
    """Microseconds one call takes."""
    began = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - began) / 1000


if __name__ == "__main__":
    sys.exit(main())
