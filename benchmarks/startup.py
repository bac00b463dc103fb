"""What does `bb domains list` import, and how long does it take?

Nothing it does not need: neither a model library nor the parser, the schema models, CEL or Typer.
Its wall time is a median of runs taken in turn with `python -c "import typer"` on the same
interpreter, once the domains' summaries are kept; the first listing after a change compiles, and is
timed apart.

usage: python benchmarks/startup.py [--runs N]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import emit, say

BAR = "at most 3 times as long as python -c 'import typer', and no import it does not need"
MOST = 3.0
UNNEEDED = [
    "torch",
    "transformers",
    "llguidance",
    "dbos",
    "ray",
    "sqlalchemy",
    "lark",
    "pydantic",
    "typer",
    "click",
    "rich",
    "yaml",
    "cel",
    "jsonschema_rs",
    "numpy",
    "httpx",
    "fastapi",
    "cryptography",
    "rfc8785",
    "networkx",
]
BB = [str(Path(sys.executable).with_name("bb")), "domains", "list"]
TYPER = [sys.executable, "-c", "import typer"]
IMPORTS = (
    "import sys, io, json, contextlib\n"
    "sys.argv = ['bb', 'domains', 'list']\n"
    "with contextlib.redirect_stdout(io.StringIO()):\n"
    "    from bb_infra.cli import main\n"
    "    main()\n"
    "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
)


def seconds(command: list[str], env: dict[str, str]) -> float:
    """How long one run of a command takes."""
    start = time.perf_counter()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main(runs: int) -> int:
    """Measure, print the figures, and give the exit status."""
    with tempfile.TemporaryDirectory() as cache:
        env = os.environ | {"BB_CACHE": cache}
        cold = seconds(BB, env)
        say(f"first listing: {cold:.2f} s")
        pairs = [(seconds(BB, env), seconds(TYPER, env)) for _ in range(runs)]
        listing = subprocess.run(
            [sys.executable, "-c", IMPORTS], env=env, capture_output=True, text=True, check=True
        )
    modules = set(json.loads(listing.stdout))
    extra = sorted(modules & set(UNNEEDED))
    bb, typer = (statistics.median(times) for times in zip(*pairs, strict=True))
    passed = bb <= MOST * typer and not extra
    return emit(
        "startup",
        passed,
        bar=BAR,
        versions=("builderbrain-core", "typer"),
        list_ms=round(bb * 1000),
        import_typer_ms=round(typer * 1000),
        ratio=round(bb / typer, 2),
        first_list_ms=round(cold * 1000),
        runs=runs,
        unneeded_imports=extra,
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--runs", type=int, default=15)
    sys.exit(main(options.parse_args().runs))
