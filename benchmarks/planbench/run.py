"""Does the checker judge PlanBench's plans as they are? Gold plans, broken plans, plans nobody has.

Each domain's PDDL becomes a plan schema (`strips`), each plan a plan of ours, and the judgement is
`bb_core.check.check`'s. Every gold plan must pass. Every item of the verification task must be
judged valid or invalid as it is, with the first bad step and all of its unmet conditions. The
unsolvable problems must be refused: every state that the checker lets any plan reach is visited,
and none of them is let pass as the goal. unified-planning's validator judges a sample of the same.

The data is read from --data, $BB_DATA or ../shared/data; nothing of it is in this repository.

usage: python benchmarks/planbench/run.py [--data DIR] [--oracle EVERY]
"""

import argparse
import gzip
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.remove(str(HERE)) if str(HERE) in sys.path else None

from report import emit, say, skip  # noqa: E402

from planbench.english import named_kinds, phrases, reader, situation, verdict  # noqa: E402
from planbench.judge import Judgement, judge  # noqa: E402
from planbench.reach import reachable, refused_everywhere  # noqa: E402
from planbench.strips import Atom, Problem, Strips, read_domain, read_problem, read_step  # noqa: E402


def main() -> int:
    """Judge everything, print one line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data")
    asked.add_argument("--oracle", type=int, default=10, help="ask the validator of every Nth item")
    args = asked.parse_args()
    folder = pack(args.data)
    if folder is None:
        return skip("planbench", "no data pack: give --data DIR or set BB_DATA")
    texts = json.loads((folder / "domains.json").read_text("utf-8"))["domains"]
    domains = {name: read_domain(text) for name, text in texts.items()}
    plans, items = rows(folder / "plan.dev.jsonl.gz"), rows(folder / "verify.dev.jsonl.gz")
    table, wrong = gold(domains, plans)
    verified, missed = verification(domains, items)
    held, open_ = unsolvable(domains, plans)
    agreed = second_opinion(texts, plans, items, args.oracle)
    golds = sum(row["valid"] for row in table.values())
    return emit(
        "planbench",
        not (wrong or missed or open_ or agreed["apart"]),
        versions=("unified-planning",),
        bar="every gold plan valid, every verification item right with its first bad step and all "
        "unmet conditions, every unsolvable problem refused, no dissent from the validator",
        gold_plans_valid=golds,
        gold_plans_wrong=wrong,
        items_right=sum(verified.values()),
        items_wrong=missed,
        unsolvable_refused=held,
        unsolvable_let_pass=open_,
        validator_agrees=agreed["alike"],
        validator_dissents=agreed["apart"],
        by_domain=table,
        by_verdict={name: {"items": count} for name, count in sorted(verified.items())},
    )


def pack(asked: str | None) -> Path | None:
    """The folder of the robots pack, if it is there."""
    from packs import data

    folder = data(asked)
    return folder / "robots" if folder and (folder / "robots").is_dir() else None


def rows(path: Path) -> list[dict[str, Any]]:
    """Every record of a file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def gold(
    domains: dict[str, Strips], plans: list[dict[str, Any]]
) -> tuple[dict[str, dict[str, int]], int]:
    """How many gold plans of each domain are let pass, and how many are not."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for row in plans:
        if row["plan"]:
            strips, problem = domains[row["domain"]], read_problem(row["problem"])
            found = judge(strips, problem, [read_step(step) for step in row["plan"]])
            table[row["domain"]]["valid" if found.valid else "refused"] += 1
            if not found.valid:
                say(f"{row['id']}: {found}")
    shown = {name: {"valid": c["valid"], "refused": c["refused"]} for name, c in table.items()}
    return shown, sum(row["refused"] for row in shown.values())


def verification(
    domains: dict[str, Strips], items: list[dict[str, Any]]
) -> tuple[Counter[str], int]:
    """The items judged right by kind of verdict, and how many were judged wrong."""
    right, missed = Counter[str](), 0
    for row in items:
        problem, actions = told(row)
        found, wanted = judge(domains[row["domain"]], problem, actions), expected(row)
        alike = (found.valid, found.step) == (wanted.valid, wanted.step)
        if alike and sorted(found.unmet) == sorted(wanted.unmet):
            right["valid" if wanted.valid else "bad step" if wanted.step else "goal not met"] += 1
        else:
            missed += 1
            say(f"{row['id']}: found {found}, wanted {wanted}")
    return right, missed


def told(row: dict[str, Any]) -> tuple[Problem, list[Atom]]:
    """The problem and the plan that an item tells in words."""
    read, (before, after) = reader(row["domain"]), situation(row["nl"])
    init, goal = {read(p) for p in phrases(before)}, tuple(read(p) for p in phrases(after))
    actions = [read(step) for step in row["plan_nl"]]
    things = {thing for _, *about in (*init, *goal, *actions) for thing in about}
    return Problem(dict.fromkeys(things, ""), frozenset(init | named_kinds(things)), goal), actions


def expected(row: dict[str, Any]) -> Judgement:
    """What the pack says of an item."""
    if row["valid"]:
        return Judgement(True)
    step, unmet = verdict(row["verdict"])
    read = reader(row["domain"])
    return Judgement(False, step or 0, tuple(read(phrase) for phrase in unmet))


def unsolvable(domains: dict[str, Strips], plans: list[dict[str, Any]]) -> tuple[int, int]:
    """Problems without a plan: refused in every state that can be reached, and the others."""
    held = open_ = 0
    seen: dict[int, frozenset[frozenset[Atom]]] = {}
    for row in plans:
        if row["domain"] != "unsolvable_blocksworld":
            continue
        strips, problem = domains[row["domain"]], read_problem(row["problem"])
        size = len(problem.objects)
        if size not in seen:
            seen[size] = reachable(strips, problem)
            say(f"{size} blocks: {len(seen[size])} states")
        here = seen[size] if problem.init in seen[size] else reachable(strips, problem)
        refused = refused_everywhere(strips, problem, here)
        held, open_ = held + refused, open_ + (not refused)
        if not refused:
            say(f"{row['id']}: its goal can be reached")
    return held, open_


def second_opinion(
    texts: dict[str, str], plans: list[dict[str, Any]], items: list[dict[str, Any]], every: int
) -> dict[str, int]:
    """How often unified-planning's validator and we say the same, on every Nth plan and item."""
    from planbench.oracle import valid

    counts = {"alike": 0, "apart": 0}
    for row in [row for row in plans if row["plan"]][::every]:
        alike = valid(texts[row["domain"]], row["problem"], [read_step(s) for s in row["plan"]])
        counts["alike" if alike else "apart"] += 1
    for row in items[::every]:
        problem, actions = told(row)
        ours = judge(read_domain(texts[row["domain"]]), problem, actions).valid
        alike = valid(texts[row["domain"]], written(row["domain"], problem), actions) is ours
        counts["alike" if alike else "apart"] += 1
    return counts


def written(domain: str, problem: Problem) -> str:
    """A problem told in words, as PDDL."""

    def atom(one: Atom) -> str:
        name = one[0].replace("in_city", "in-city")
        return f"({' '.join((name, *one[1:]))})"

    parts = [" ".join(sorted(problem.objects)), " ".join(map(atom, sorted(problem.init)))]
    goal = " ".join(map(atom, problem.goal))
    return (
        f"(define (problem told) (:domain {domain}) (:objects {parts[0]}) "
        f"(:init {parts[1]}) (:goal (and {goal})))"
    )


if __name__ == "__main__":
    sys.exit(main())
