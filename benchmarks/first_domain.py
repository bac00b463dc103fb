"""A stranger's path, walked: docs/first_domain.md run as it stands, in an empty environment, timed.

Every `$` line runs in a shell; each line under it must be part of what it printed, and `[1]` is its
exit status. Every diff is applied. usage: python benchmarks/first_domain.py
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from report import emit, say

REPO = Path(__file__).parent.parent
PAGE = REPO / "docs" / "first_domain.md"
BLOCK = re.compile(r"^## ([^\n]+)$|^```(console|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_S = 300.0


@dataclass(frozen=True)
class Block:
    """One fenced block of the page, and the section it stands in."""

    section: str
    kind: str
    text: str


class Walk:
    """The stranger: a shell of his own, in the folder he is in."""

    def __init__(self, home: Path, binaries: Path) -> None:
        self.folder = home
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BB_", "PYTHON"))}
        self.env = kept | {"PATH": f"{binaries}{os.pathsep}{kept['PATH']}"}
        self.env |= {"PIP_FIND_LINKS": str(home / "wheels"), "BB_CACHE": str(home / "cache")}

    def run(self, command: str, expected: list[str]) -> str:
        """What is wrong with a command's answer; empty when it is as the page says."""
        if command.startswith("cd "):
            self.folder /= command[3:]
            return ""
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        said = done.stdout + done.stderr
        status = next((int(line[1:-1]) for line in expected if re.match(r"\[\d+\]$", line)), 0)
        if done.returncode != status:
            return f"{command!r} exits {done.returncode}: {said[-800:]}"
        lines = [line.strip("… ") for line in expected if not re.match(r"\[\d+\]$", line)]
        missing = next((line for line in lines if line not in said), "")
        return f"{command!r} does not say {missing!r}: {said[-800:]}" if missing else ""

    def apply(self, diff: str) -> str:
        """Why a diff cannot be applied; empty when it was."""
        done = subprocess.run(
            ["git", "apply", "-"], input=diff, cwd=self.folder, capture_output=True, text=True
        )
        return done.stderr


def blocks() -> Iterator[Block]:
    """The page's commands and edits, in order."""
    section = ""
    for match in BLOCK.finditer(PAGE.read_text("utf-8")):
        if match[1]:
            section = match[1]
        else:
            yield Block(section, match[2], match[3])


def walked(walk: Walk, block: Block) -> str:
    """The first thing in a block that is not as the page says."""
    if block.kind == "diff":
        return walk.apply(block.text)
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *expected = part.strip().splitlines()
        if found := walk.run(command, expected):
            return found
    return ""


def prepared(home: Path) -> Path:
    """An empty environment with the built core in it: what the page asks for before it starts."""
    wheels = home / "wheels"
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(wheels)]
    subprocess.run([*pip, str(REPO / "builderbrain-core")], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(home / "env")], check=True)
    binaries = home / "env" / "bin"
    core = next(wheels.glob("builderbrain_core-*.whl"))
    subprocess.run([str(binaries / "pip"), "install", "-q", f"{core}[new]"], check=True)
    return binaries


def main() -> int:
    """Walk the page, and print how long each part took."""
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        home, began = Path(folder), time.monotonic()
        walk = Walk(home, prepared(home))
        took["before: install the core"] = time.monotonic() - began
        page = list(blocks())
        problem = "" if page else "the page has no commands"
        for block in page:
            began = time.monotonic()
            problem = walked(walk, block)
            took[block.section] = took.get(block.section, 0.0) + time.monotonic() - began
            if problem:
                say(problem)
                break
    total = sum(seconds for part, seconds in took.items() if part[0].isdigit())
    return emit(
        "first_domain",
        not problem and total <= MOST_S,
        bar=f"the page does what it says, in {MOST_S:g} s of machine time",
        seconds={part: {"seconds": round(s, 1)} for part, s in took.items()},
        total_seconds=round(total, 1),
        problem=problem[:200],
    )


if __name__ == "__main__":
    sys.exit(main())
