"""Run every benchmark against its bar and write docs/benchmarks.md from what they print.

usage: python benchmarks/all.py [NAME ...]     no name: all. Rows of others stay as they are.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from figures import tables, text

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
    "droidtask": "droidtask.py",
    "stream_cost": "stream_cost.py",
    "surgery": "surgery.py",
    "pii": "pii.py",
}
FRAME = ("name", "passed", "machine", "versions", "seed", "bar", "skipped")


def run(name: str) -> dict[str, Any]:
    """The JSON line a benchmark printed; one without a line has failed."""
    done = subprocess.run(
        [sys.executable, str(HERE / SCRIPTS[name])], stdout=subprocess.PIPE, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    found: dict[str, Any] = (
        json.loads(lines[-1]) if lines else {"passed": False, "error": "printed no line"}
    )
    return {**found, "name": name, "passed": bool(found.get("passed")) and done.returncode == 0}


def kept() -> dict[str, dict[str, Any]]:
    """The last line of every benchmark that has been run on this page."""
    if not KEPT.exists():
        return {}
    rows = map(json.loads, KEPT.read_text("utf-8").splitlines())
    return {row["name"]: row for row in rows}


def page(rows: dict[str, dict[str, Any]]) -> str:
    """docs/benchmarks.md, whole."""
    parts = [
        "# Benchmarks\n\nMade by `make proof` from what each script prints; never edited by hand.\n"
        "Speeds are ratios or times on the machine named; a row that fell short\n"
        "of its bar says so.\n"
    ]
    parts += [section(rows[name]) for name in SCRIPTS if name in rows]
    return "\n".join(parts)


def section(row: dict[str, Any]) -> str:
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
    rows, short = kept(), False
    for name in names or SCRIPTS:
        print(f"benchmark {name} …", file=sys.stderr, flush=True)
        rows[name] = run(name)
        print(json.dumps(rows[name]), flush=True)
        short = short or not (rows[name]["passed"] or rows[name].get("skipped"))
    KEPT.write_text(
        "".join(json.dumps(rows[name]) + "\n" for name in SCRIPTS if name in rows), "utf-8"
    )
    PAGE.write_text(page(rows), "utf-8")
    return int(short)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
