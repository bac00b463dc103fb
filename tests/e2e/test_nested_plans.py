"""Nested plans, from the data to what was carried out: the benchmark itself, with one seed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_commands_of_new_parts_and_of_new_length_are_carried_out_exactly() -> None:
    script = ROOT / "benchmarks" / "scan" / "run.py"
    done = subprocess.run(
        [sys.executable, str(script), "--seeds", "3", "--test", "400"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    line = json.loads(done.stdout.splitlines()[-1])
    if line.get("skipped"):
        pytest.skip(line["skipped"])
    assert line["passed"], line
    assert done.returncode == 0
    assert {name.split(",")[0] for name in line["splits"]} == {
        "addprim_jump",
        "around_right",
        "length",
    }
