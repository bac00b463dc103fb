"""Run every benchmark against its bar and write docs/benchmarks.md from what they print.

usage: python benchmarks/all.py [NAME ...]     no name: all. Rows of others stay as they are,
and so does the row of one that is killed. A row is kept as soon as it is measured.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from figures import tables, text

from bb_core.cache import write_whole

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
KEPT = HERE.parent / "docs" / "benchmarks.jsonl"
SCRIPTS = {
    "syntax": "syntax.py",
    "masks": "masks.py",
    "checker": "checker.py",
    "tau_retail": "tau_retail/run.py",
    "planbench": "planbench/run.py",
    "near_miss": "near_miss.py",
    "durability": "durability.py",
    "ledger": "ledger.py",
    "gate": "gate.py",
    "promotion_kill": "promotion_kill.py",
    "poison": "poison.py",
    "startup": "startup.py",
    "first_domain": "first_domain.py",
    "install_size": "install_size.py",
    "planner": "planner.py",
    "request_cost": "request_cost.py",
    "droidtask": "droidtask.py",
    "stream_cost": "stream_cost.py",
    "surgery": "surgery.py",
    "pii": "pii.py",
}
Row = dict[str, Any]
FRAME = ("name", "passed", "machine", "versions", "seed", "bar", "skipped")


def run(name: str) -> Row | None:
    """The JSON line a benchmark printed; one without a line has failed. None if it was killed."""
    done = subprocess.run(
        [sys.executable, str(HERE / SCRIPTS[name])], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode < 0:
        return None
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    found: Row = json.loads(lines[-1]) if lines else {"passed": False, "error": "printed no line"}
    return {**found, "name": name, "passed": bool(found.get("passed")) and done.returncode == 0}


def keep(row: Row) -> None:
    """Put a row in the place of the benchmark's last one, in the file and on the page."""
    rows = {**kept(), row["name"]: row}
    lines = [json.dumps(rows[name]) + "\n" for name in SCRIPTS if name in rows]
    write_whole(KEPT, "".join(lines).encode())
    write_whole(PAGE, page(rows).encode())


def kept() -> dict[str, Row]:
    """The last line of every benchmark that has been run on this page."""
    if not KEPT.exists():
        return {}
    rows = map(json.loads, KEPT.read_text("utf-8").splitlines())
    return {row["name"]: row for row in rows}


def page(rows: dict[str, Row]) -> str:
    """docs/benchmarks.md, whole."""
    parts = [
        "# Benchmarks\n\nMade by `make proof` from what each script prints; never edited by hand.\n"
        "Speeds are ratios or times on the machine named; a row that fell short\n"
        "of its bar says so.\n"
    ]
    parts += [section(rows[name]) for name in SCRIPTS if name in rows]
    return "\n".join(parts)


def section(row: Row) -> str:
    """One benchmark's figures: plain ones in a table, tables of figures each in its own."""
    state = "holds" if row["passed"] else "**falls short**"
    if row.get("skipped"):
        state = f"skipped: {row['skipped']}"
    seed = f", seed {row['seed']}" if "seed" in row else ""
    machine = text(row.get("machine", "a machine not named"))
    parts = [
        f"## {row['name']}: {state}\n",
        f"`benchmarks/{SCRIPTS[row['name']]}` on {machine}{seed}\n",
    ]
    if row.get("bar"):
        parts.append(f"Bar: {text(row['bar'])}\n")
    parts += tables({key: value for key, value in row.items() if key not in FRAME})
    if row.get("versions"):
        parts.append(f"Versions: {text(row['versions'])}\n")
    return "\n".join(parts)


def main(names: list[str]) -> int:
    """Run, keep, write; the exit status is 1 when any benchmark run now fell short."""
    unknown = [name for name in names if name not in SCRIPTS]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(SCRIPTS)}", file=sys.stderr)
        return 2
    short = False
    for name in names or SCRIPTS:
        print(f"benchmark {name} …", file=sys.stderr, flush=True)
        row = run(name)
        if row is None:
            print(f"{name} was killed; its row stays as it was", file=sys.stderr)
            short = True
            continue
        print(json.dumps(row), flush=True)
        keep(row)
        short = short or not (row["passed"] or row.get("skipped"))
    return int(short)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
