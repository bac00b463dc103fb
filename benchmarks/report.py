"""One JSON line per benchmark: its figures, and what they were made on."""

import json
import os
import platform
import sys
from importlib.metadata import version
from math import isfinite
from typing import Any


def emit(
    name: str, passed: bool, *, seed: int = 0, versions: tuple[str, ...] = (), **figures: object
) -> int:
    """Print a benchmark's line and give its exit status: 0 if it met its bar, 1 if not."""
    made_on = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {"python": platform.python_version()} | {d: version(d) for d in versions},
        "seed": seed,
    }
    line = numbers({"name": name, "passed": passed, **figures, **made_on})
    print(json.dumps(line, allow_nan=False), flush=True)
    return 0 if passed else 1


def numbers(figure: Any) -> Any:
    """The figure with `inf` and `nan` as text: JSON has no such numbers."""
    if isinstance(figure, dict):
        return {key: numbers(value) for key, value in figure.items()}
    if isinstance(figure, list | tuple):
        return [numbers(value) for value in figure]
    return str(figure) if isinstance(figure, float) and not isfinite(figure) else figure


def skip(name: str, reason: str) -> int:
    """Print that a benchmark could not run here, and why; not a failure."""
    print(json.dumps({"name": name, "passed": None, "skipped": reason}), flush=True)
    return 0


def say(text: str) -> None:
    """A line of progress, on stderr: stdout is for the figures."""
    print(text, file=sys.stderr, flush=True)
