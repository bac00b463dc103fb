"""Tasks that benchmarks draw: the first that fit, whatever the number asked for."""

import importlib
import sys
from pathlib import Path

import pytest

from bb_core import discover
from bb_core.compiled import compile_domain
from bb_train.data.generator import Generator

pytest.importorskip("torch")
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

workload = importlib.import_module("workload")


def test_tasks_are_the_first_that_fit_however_many_are_asked_for() -> None:
    domain = compile_domain(discover().get("api_json"))
    here = workload.Ground(domain, None, None, (), None, Generator(domain), None)
    some = here.drawn(8, "dev", "indist", 5, execute=False)
    assert here.drawn(3, "dev", "indist", 5, execute=False) == some[:3]
    middle = sorted(len(one.scene.text) for one in some)[4]
    short = [one for one in some if len(one.scene.text) < middle]
    found = here.drawn(5, "dev", "indist", 5, lambda e: len(e.scene.text) < middle, execute=False)
    assert len(found) == 5
    assert found[: len(short)] == short
