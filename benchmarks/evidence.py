"""docs/evidence.md: what the rail's claims come to, made of the lines that benchmarks printed.

usage: python benchmarks/evidence.py                  write the page and its curves anew
       python benchmarks/evidence.py SCRIPT [OPTION…]  run benchmarks/SCRIPT, keep its line, write

A benchmark's lines are kept in docs/evidence/NAME.jsonl, one for each run, the newest last; NAME is
the line's own. Beside what `report.emit` always gives, a line may have

    claim    the section's heading: a sentence that the figures bear out or do not
    how      sentences: what was supplied by hand, on what choices were made, what is not covered
    recipe   how it was trained, in a few words. The lines of one recipe make one result: their
             tables are joined row by row (`joined`), so that each seed can be a run of its own. The
             recipe of the newest line is the result; the others stay on the page as earlier ones
    weights  the digest of the rail that was measured, or of each; it belongs to the recipe
    remarks  sentences that whoever kept the line added to it afterwards; shown as such
    hits     {row: which items it had right} (`item_by_item`): the builder's rows are compared with
             LoRA's, of whichever run, in a table `paired`
    curves   {title: {"x": label, "y": label, "lines": {name: [[x, y], …]}, "log": bool}}; drawn
             into docs/img

Every other key is a figure or a table of figures. A run of the same recipe, seeds and `arms` as an
earlier one takes its place on the page, not in the file.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from figures import tables, tabular, text
from item_by_item import paired
from joined import TOLD, Line, recipes

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
FIRST = (
    *("arms", "lora_sweep", "scan", "cogs", "slog"),
    *("skills", "skins", "composites", "constraints"),
)
"""The order of sections; others follow by name."""
TOP = """# Evidence

What each claim about the rail comes to. Made by `python benchmarks/evidence.py` from the lines that
the scripts printed (`docs/evidence/*.jsonl`), never edited by hand. Every seed is shown; intervals
are Wilson's at 95 %. A claim that falls short says so. Speeds and the guarantees that need no
training are on [their own page](benchmarks.md).
"""


def main(asked: Sequence[str]) -> int:
    """Run what is asked for and write the page; the status is that of the run."""
    status = run(asked[0], asked[1:]) if asked else 0
    (DOCS / "evidence.md").write_text(page(kept()), "utf-8")
    draw(kept())
    return status


def run(script: str, options: Sequence[str]) -> int:
    """Keep the line a script prints; a script without one has failed, and leaves none."""
    if not (HERE / script).is_file():
        print(f"no script benchmarks/{script}; give one as in `scan/run.py`", file=sys.stderr)
        return 2
    done = subprocess.run(
        [sys.executable, str(HERE / script), *options],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for line in lines[-1:]:
        print(json.dumps(line))
        if not line.get("skipped"):
            keep({**line, "script": script})
    return done.returncode if lines else done.returncode or 1


def keep(line: Line) -> None:
    """Add a line to its benchmark's file."""
    path = DOCS / "evidence" / f"{line['name']}.jsonl"
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, sort_keys=False) + "\n")


def kept() -> dict[str, list[Line]]:
    """The lines of every benchmark, in the page's order."""
    found = {
        path.stem: [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
        for path in (DOCS / "evidence").glob("*.jsonl")
    }
    return {name: found[name] for name in sorted(found, key=lambda name: (rank(name), name))}


def rank(name: str) -> int:
    """The place of a benchmark on the page; `scan_dev` stands with `scan`."""
    places = [at for at, first in enumerate(FIRST) if name.startswith(first)]
    return places[0] if places else len(FIRST)


def page(rows: Mapping[str, Sequence[Line]]) -> str:
    """The whole page."""
    return "\n".join([TOP, *(section(name, lines) for name, lines in rows.items())])


def section(name: str, lines: Sequence[Line]) -> str:
    """One benchmark: its result, its curves, and what earlier recipes came to."""
    result, *earlier = recipes(lines)
    parts = [
        f"## {result.get('claim', name)}: {state(result)}\n",
        f"`benchmarks/{result['script']}` on {text(result.get('machine', 'a machine not named'))}"
        f"{seeds(result)}\n",
    ]
    parts += [f"Bar: {text(result['bar'])}\n"] if result.get("bar") else []
    parts += [f"Recipe: {result['recipe']}\n"] if result.get("recipe") else []
    parts += bullets([*result.get("how", ()), *remarks(result)])
    parts += tables(figures(result))
    parts += [f"![{title}](img/{slug(name, title)})\n" for title in result.get("curves", {})]
    for one in earlier:
        parts += [f"### Earlier: {one.get('recipe', 'another recipe')}: {state(one)}\n"]
        parts += bullets(remarks(one))
        parts += tables(figures(one))
    if result.get("versions"):
        parts.append(f"Versions: {text(result['versions'])}\n")
    return "\n".join(parts)


def remarks(line: Line) -> list[str]:
    """What was added to a line afterwards, as such."""
    return [f"Added later: {one}" for one in line.get("remarks", ())]


def bullets(told: Sequence[str]) -> list[str]:
    """Sentences as one list of Markdown; nothing for none."""
    return ["\n".join(f"* {one}" for one in told) + "\n"] if told else []


def figures(line: Line) -> dict[str, Any]:
    """What is measured in a line, tables last."""
    rows = {key: value for key, value in line.items() if key not in TOLD}
    rows |= {"paired": found} if (found := paired(line.get("hits", {}))) else {}
    return dict(sorted(rows.items(), key=lambda row: tabular(row[1])))


def state(line: Line) -> str:
    """Whether it holds; a line without a bar only reports."""
    if not line.get("bar"):
        return "measured"
    return "holds" if line["passed"] else "**falls short**"


def seeds(line: Line) -> str:
    """The seeds of a result, as the end of a sentence."""
    return f", seeds {', '.join(map(str, line['seeds']))}"


def slug(name: str, title: str) -> str:
    """The file of a curve."""
    return f"{name}-{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')}.png"


def draw(rows: Mapping[str, Sequence[Line]]) -> None:
    """The curves of every result, small; the same lines give the same bytes on one machine."""
    folder = DOCS / "img"
    folder.mkdir(exist_ok=True)
    for name, lines in rows.items():
        for title, curve in recipes(lines)[0].get("curves", {}).items():
            plot(folder / slug(name, title), title, curve)


def plot(path: Path, title: str, curve: Mapping[str, Any]) -> None:
    """One picture of a few lines."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(6, 3.2), layout="constrained")
    axes = drawn.add_subplot()
    for name, points in curve["lines"].items():
        axes.plot([x for x, _ in points], [y for _, y in points], label=name, linewidth=1.2)
    axes.set(title=title, xlabel=curve["x"], ylabel=curve["y"])
    axes.set_yscale("log" if curve.get("log") else "linear")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", frameon=False)
    drawn.savefig(path, dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
